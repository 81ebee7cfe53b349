#include "web/stow_bulk.h"
#include "dicom/dict.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "1.2.840.10008.1.2."
#define MOST 9

/* Those of a type, the default first; image/jpeg has several that only its bytes can tell apart. */
static const struct kind {
	const char *type;
	bool video;
	const char *syntaxes[MOST];
} kinds[] = {
    {"image/jpeg", false, {"", "4.50", "4.51", "4.57", "4.70"}},
    {"image/jls", false, {"4.80", "4.81"}},
    {"image/jp2", false, {"4.90", "4.91"}},
    {"image/jpx", false, {"4.92", "4.93"}},
    {"image/jphc", false, {"4.201", "4.202", "4.203"}},
    {"image/jxl", false, {"4.110", "4.111", "4.112"}},
    {"image/dicom-rle", false, {"5"}},
    {"image/x-dicom-rle", false, {"5"}},
    {"video/mpeg2", true, {"4.100", "4.101"}},
    {"video/mpeg", true, {"4.100", "4.101"}},
    {"video/mp4", true, {"4.102", "4.103", "4.104", "4.105", "4.106"}},
    {"video/h265", true, {"4.107", "4.108"}},
};

static bool is_video(const char *syntax)
{
	unsigned long n = 0;

	if (strncmp(syntax, PREFIX "4.", strlen(PREFIX "4.")) == 0)
		n = strtoul(syntax + strlen(PREFIX "4."), NULL, 10);
	return n >= 100 && n <= 108;
}

static bool has(const struct kind *k, const char *syntax)
{
	size_t n = strlen(PREFIX);

	if (strncmp(syntax, PREFIX, n) != 0)
		return false;
	for (unsigned i = 0; i < MOST && k->syntaxes[i]; i++)
		if (strcmp(k->syntaxes[i], syntax + n) == 0)
			return true;
	return false;
}

static int said(const char *syntax, struct stow_pixels *out, struct err *e)
{
	if (!uid_is_syntax(syntax))
		return err_set(e, E_UNSUP, "transfer-syntax=%.64s is none of the standard's", syntax);
	out->frames = uid_is_encapsulated(syntax);
	out->video = is_video(syntax);
	snprintf(out->syntax, sizeof out->syntax, "%s", out->frames ? syntax : UID_EXPLICIT_LE);
	return 0;
}

int stow_pixels_of(const struct mime *type, const char *metadata, struct stow_pixels *out, struct err *e)
{
	const char *syntax = mime_param(type, "transfer-syntax");
	struct stow_pixels p = {0};
	int rc = 0;

	if (syntax && *syntax && strcmp(syntax, "*") != 0) {
		if ((rc = said(syntax, &p, e)) == 0)
			*out = p;
		return rc;
	}
	if (strncmp(type->type, "image/", 6) != 0 && strncmp(type->type, "video/", 6) != 0) {
		snprintf(p.syntax, sizeof p.syntax, "%s", UID_EXPLICIT_LE); /* octets are native, little endian */
		*out = p;
		return 0;
	}
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		const struct kind *k = &kinds[i];

		if (strcmp(k->type, type->type) != 0)
			continue;
		p.frames = true;
		p.video = k->video;
		if (has(k, metadata))
			snprintf(p.syntax, sizeof p.syntax, "%s", metadata);
		else if (k->syntaxes[0][0])
			snprintf(p.syntax, sizeof p.syntax, PREFIX "%s", k->syntaxes[0]);
		*out = p;
		return 0;
	}
	return err_set(e, E_UNSUP, "pixel data as %.60s is none of DICOM's", type->type);
}

const char *stow_jpeg_syntax(const unsigned char *p, size_t n)
{
	size_t at = 2;

	if (n < 4 || p[0] != 0xFF || p[1] != 0xD8)
		return "";
	while (at + 4 <= n && p[at] == 0xFF) {
		unsigned marker = p[at + 1];

		if (marker == 0xFF) {
			at++;
			continue;
		}
		if (marker == 0xC0)
			return PREFIX "4.50";
		if (marker == 0xC1)
			return PREFIX "4.51";
		if (marker == 0xC3)
			return PREFIX "4.57";
		if (marker == 0xDA ||
		    (marker > 0xC3 && marker < 0xD0 && marker != 0xC4 && marker != 0xC8 && marker != 0xCC))
			return "";
		at += 2u + ((unsigned)p[at + 2] << 8 | p[at + 3]);
	}
	return "";
}
