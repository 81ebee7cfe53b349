#include "web/wado_choice.h"
#include "dicom/dict.h"
#include "imaging/codec.h"
#include "imaging/transcode.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JPEG(n) "1.2.840.10008.1.2.4." n

/* PS3.18 table 8.7.3-5, and what came after it. */
static const struct {
	const char *syntax, *type;
	bool lossy;
} compressed[] = {
    {JPEG("50"), "image/jpeg", true},
    {JPEG("51"), "image/jpeg", true},
    {JPEG("57"), "image/jpeg", false},
    {JPEG("70"), "image/jpeg", false},
    {JPEG("80"), "image/jls", false},
    {JPEG("81"), "image/jls", true},
    {JPEG("90"), "image/jp2", false},
    {JPEG("91"), "image/jp2", true},
    {JPEG("92"), "image/jpx", false},
    {JPEG("93"), "image/jpx", true},
    {JPEG("100"), "video/mpeg", true},
    {JPEG("100.1"), "video/mpeg", true},
    {JPEG("101"), "video/mpeg", true},
    {JPEG("101.1"), "video/mpeg", true},
    {JPEG("102"), "video/mp4", true},
    {JPEG("102.1"), "video/mp4", true},
    {JPEG("103"), "video/mp4", true},
    {JPEG("103.1"), "video/mp4", true},
    {JPEG("104"), "video/mp4", true},
    {JPEG("104.1"), "video/mp4", true},
    {JPEG("105"), "video/mp4", true},
    {JPEG("105.1"), "video/mp4", true},
    {JPEG("106"), "video/mp4", true},
    {JPEG("106.1"), "video/mp4", true},
    {JPEG("107"), "video/mp4", true},
    {JPEG("108"), "video/mp4", true},
    {JPEG("110"), "image/jxl", false},
    {JPEG("111"), "image/jxl", true},
    {JPEG("112"), "image/jxl", true},
    {JPEG("201"), "image/jphc", false},
    {JPEG("202"), "image/jphc", false},
    {JPEG("203"), "image/jphc", true},
    {"1.2.840.10008.1.2.5", "image/dicom-rle", false},
};

const char *wado_media_type(const char *syntax)
{
	for (size_t i = 0; i < sizeof(compressed) / sizeof(*compressed); i++)
		if (strcmp(compressed[i].syntax, syntax) == 0)
			return compressed[i].type;
	return uid_is_encapsulated(syntax) ? "application/octet-stream" : NULL;
}

bool wado_lossy(const char *syntax)
{
	for (size_t i = 0; i < sizeof(compressed) / sizeof(*compressed); i++)
		if (strcmp(compressed[i].syntax, syntax) == 0)
			return compressed[i].lossy;
	return false;
}

unsigned wado_form_offers(bool single, struct offer out[WADO_OFFERS])
{
	out[WADO_DICOM] = (struct offer){.type = "application/dicom", .multipart = true, .single = single};
	out[WADO_BULK] = (struct offer){.type = "application/octet-stream", .multipart = true};
	out[WADO_ZIP] = (struct offer){.type = "application/zip", .single = true};
	out[WADO_JSON] = (struct offer){.type = "application/dicom+json", .single = true};
	out[WADO_XML] = (struct offer){.type = "application/dicom+xml", .multipart = true};
	return WADO_OFFERS;
}

/* ---- instances */

static bool takes(const struct media *m, const char *type, bool multipart)
{
	size_t n = strlen(m->type);

	if (strcmp(m->type, "*/*") == 0)
		return multipart || !m->multipart;
	return m->multipart == multipart &&
	       (strcmp(m->type, type) == 0 || (m->type[n - 1] == '*' && strncmp(m->type, type, n - 1) == 0));
}

static bool refused(const struct accept *a, const char *type, bool multipart, const char *syntax)
{
	for (unsigned i = 0; i < a->n_refused; i++)
		if (takes(&a->refused[i], type, multipart) && strcmp(a->refused[i].syntax, syntax) == 0)
			return true;
	return false;
}

static const char *unnamed(const char *type, const char *stored)
{
	if (strcmp(type, "application/zip") == 0 || wado_lossy(stored) || !transcode_can(stored, UID_EXPLICIT_LE))
		return stored;
	return UID_EXPLICIT_LE;
}

/* PS3.18 8.7.3: implicit VR and big endian have no place on the web, so nothing is turned into them. */
static bool can_be(const char *stored, const char *syntax)
{
	return strcmp(syntax, UID_IMPLICIT_LE) != 0 && strcmp(syntax, UID_EXPLICIT_BE) != 0 &&
	       transcode_can(stored, syntax);
}

static const char *syntax_by(const struct accept *a, bool parameter, const char *type, bool multipart,
			     const char *stored)
{
	const char *best = "";
	unsigned best_q = 0;

	for (unsigned i = 0; i < a->n; i++) {
		const struct media *m = &a->list[i];
		const char *syntax;

		if (m->parameter != parameter || !takes(m, type, multipart))
			continue;
		if (!m->syntax[0])
			syntax = unnamed(type, stored);
		else if (strcmp(m->syntax, "*") == 0 || strcmp(m->syntax, stored) == 0)
			syntax = stored;
		else if (can_be(stored, m->syntax))
			syntax = m->syntax;
		else
			continue;
		if (refused(a, type, multipart, syntax))
			continue;
		if (m->q > best_q || (m->q == best_q && strcmp(best, stored) != 0 && strcmp(syntax, stored) == 0)) {
			best = syntax;
			best_q = m->q;
		}
	}
	return best;
}

const char *wado_syntax(const struct accept *a, const char *type, bool multipart, const char *stored)
{
	const char *syntax = syntax_by(a, true, type, multipart, stored);

	return *syntax ? syntax : syntax_by(a, false, type, multipart, stored);
}

unsigned wado_syntax_offers(const char *stored, bool single, struct offer out[WADO_SYNTAX_OFFERS])
{
	const char *syntax;
	unsigned n = 0;

	out[n++] = (struct offer){"application/dicom", stored, true, single, true};
	for (unsigned i = 0; (syntax = uid_syntax(i)) && n < WADO_SYNTAX_OFFERS; i++)
		if (strcmp(syntax, stored) != 0 && can_be(stored, syntax))
			out[n++] = (struct offer){"application/dicom", syntax, true, single, false};
	return n;
}

/* ---- pixels */

#define SAMPLES "application/octet-stream"

/* As samples (also where that cannot be done: see wado_choose_pixels), as stored, and as stored in all but name. */
static unsigned pixel_offers(const char *stored, bool single, bool samples, struct offer out[WADO_PIXEL_OFFERS])
{
	const char *type = wado_media_type(stored);
	const struct offer decoded = {SAMPLES, UID_EXPLICIT_LE, true, single, !type};
	const struct offer as_stored = {type, stored, true, single, true};
	bool first = type && (wado_lossy(stored) || !samples);
	unsigned n = 0;

	if (first)
		out[n++] = as_stored;
	if (samples)
		out[n++] = decoded;
	if (type && !first)
		out[n++] = as_stored;
	if (type && strcmp(type, SAMPLES) != 0)
		out[n++] = (struct offer){SAMPLES, stored, true, single, true};
	return n;
}

static bool decodable(const char *stored)
{
	return !wado_media_type(stored) || transcode_can(stored, UID_EXPLICIT_LE);
}

void wado_pixels_stored(const char *stored, struct wado_pixels *out)
{
	const char *type = wado_media_type(stored);

	*out = (struct wado_pixels){.type = type ? type : SAMPLES, .multipart = true};
	snprintf(out->syntax, sizeof(out->syntax), "%s", type ? stored : UID_EXPLICIT_LE);
}

/* What frames are made in, of equal types the default first (PS3.18 table 8.7.3-5). */
static const char *const makes[] = {JPEG("201"), JPEG("202"), JPEG("90"),
				    JPEG("80"),  JPEG("70"),  "1.2.840.10008.1.2.5"};

bool wado_names_other(const struct accept *a, const char *stored)
{
	const char *type = wado_media_type(stored);

	for (unsigned i = 0; i < a->n; i++) {
		const struct media *m = &a->list[i];

		if (m->syntax[0] && m->syntax[0] != '*') {
			if (strcmp(m->syntax, stored) != 0 && strcmp(m->syntax, UID_EXPLICIT_LE) != 0)
				return true;
		} else if (strncmp(m->type, "image/", 6) == 0 && !strchr(m->type, '*') &&
			   (!type || strcmp(m->type, type) != 0)) {
			return true;
		}
	}
	return false;
}

/* Colours stay what the metadata say: what was subsampled, or lost something, is not made into anything else. */
static bool can_make(const char *stored, const struct image_pixel *shape, const char *to)
{
	struct image_pixel decoded = *shape;

	if (strcmp(stored, to) == 0 || wado_lossy(stored) || image_pixel_subsampled(shape))
		return false;
	decoded.planar = 0;
	if (strcmp(shape->photometric, "YBR_RCT") == 0)
		snprintf(decoded.photometric, sizeof(decoded.photometric), "RGB");
	return codec_can(CODEC_DECODE, stored, shape, NULL) && codec_lossless(to) &&
	       codec_can(CODEC_ENCODE, to, &decoded, NULL);
}

static unsigned make_offers(const char *stored, const struct image_pixel *shape, bool single, struct offer *out)
{
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(makes) / sizeof(*makes); i++)
		if (can_make(stored, shape, makes[i]))
			out[n++] = (struct offer){wado_media_type(makes[i]), makes[i], true, single, false};
	return n;
}

unsigned wado_pixel_offers(const char *stored, const struct image_pixel *shape, bool single,
			   struct offer out[WADO_PIXEL_OFFERS])
{
	const char *type = wado_media_type(stored);
	unsigned n = 0;

	if (type)
		out[n++] = (struct offer){type, stored, true, single, true};
	if (decodable(stored))
		out[n++] = (struct offer){SAMPLES, UID_EXPLICIT_LE, true, single, !type};
	return shape ? n + make_offers(stored, shape, single, out + n) : n;
}

/* Compressed bytes under the name of application/octet-stream are for those only who name a syntax or a star: without,
 * it means samples. So that is offered first even where it cannot be had, and what remains then is offered anew. */
bool wado_choose_pixels(const struct accept *a, const char *stored, const struct image_pixel *shape, bool single,
			bool decode, struct wado_pixels *out)
{
	struct offer offers[WADO_PIXEL_OFFERS];
	unsigned kept = pixel_offers(stored, single, true, offers), n = kept;
	const struct offer *o;

	if (decode && shape && wado_names_other(a, stored))
		n += make_offers(stored, shape, single, offers + n);
	o = accept_choose(a, offers, n, &out->multipart);
	out->made = o && o >= offers + kept;
	if (o && !out->made && strcmp(o->syntax, stored) != 0 && wado_media_type(stored) &&
	    !(decode && decodable(stored))) {
		pixel_offers(stored, single, false, offers);
		o = accept_choose(a, offers, strcmp(offers[0].type, SAMPLES) == 0 ? 0 : 1, &out->multipart);
	}
	if (!o)
		return false;
	out->type = o->type;
	snprintf(out->syntax, sizeof(out->syntax), "%s", o->syntax);
	out->decoded = !out->made && wado_media_type(stored) && strcmp(o->syntax, stored) != 0;
	return true;
}

/* ---- lists of frames */

static int frame_number(const char **at, uint64_t *out, struct err *e)
{
	uint64_t n = 0;
	unsigned digits = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++, digits++)
		n = n * 10 + (uint64_t)(**at - '0');
	if (digits == 0 || digits > 18 || (**at && **at != ','))
		return err_set(e, E_INVAL, "a list of frames is numbers with commas between them");
	if (n == 0)
		return err_set(e, E_NOENT, "frames count from 1");
	*out = n;
	return 0;
}

int wado_frame_list(const char *text, uint64_t **out, unsigned *n, struct err *e)
{
	AUTO(str) memory = NULL;
	uint64_t *list;
	size_t most = 1;
	int rc;

	for (const char *p = text; *p; p++)
		most += *p == ',';
	if (most > WADO_FRAMES_MOST)
		return err_set(e, E_LIMIT, "more than %u frames in one list", WADO_FRAMES_MOST);
	if (!(list = calloc(most, sizeof(*list))))
		return err_set(e, E_NOMEM, "no memory for a list of frames");
	memory = (char *)list; /* NOLINT(clang-analyzer-deadcode.DeadStores): freed with its scope */
	for (size_t i = 0; i < most; i++, text++)
		if ((rc = frame_number(&text, &list[i], e)) < 0)
			return rc;
	*n = (unsigned)most;
	*out = list;
	memory = NULL;
	return 0;
}
