#include "web/rendered.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FIELDS 6u
#define FIELD_ROOM 40u

int rendered_warn(struct exchange *x, const char *what, struct err *e)
{
	char text[CODEC_WARNING + 32];
	size_t n = (size_t)snprintf(text, sizeof(text), "299 teleread \"");

	if (!*what)
		return 0;
	for (; *what && n + 2 < sizeof(text); what++) /* parts of it may come from a file */
		text[n++] = *what < ' ' || *what > '~' || *what == '"' || *what == '\\' ? '?' : *what;
	text[n] = '"';
	text[n + 1] = '\0';
	return http_add(x->http, "Warning", text) < 0 ? err_set(e, E_NOMEM, "a header of the answer could not be set")
						      : 0;
}

/* Fields between commas, trimmed; how many there are, or -1 for too many, or too long ones. */
static int split(const char *text, char out[FIELDS][FIELD_ROOM])
{
	int n = 0;

	for (;; text++) {
		size_t len = strcspn(text, ","), from = strspn(text, " ");

		if (from > len)
			from = len;
		if (n == (int)FIELDS || len - from >= FIELD_ROOM)
			return -1;
		memcpy(out[n], text + from, len - from);
		for (len -= from; len > 0 && out[n][len - 1] == ' ';)
			len--;
		out[n++][len] = '\0';
		text += strcspn(text, ",");
		if (!*text)
			return n;
	}
}

static bool decimal(const char *text, double *out)
{
	char *end;

	if (!*text || strspn(text, "+-.0123456789eE") != strlen(text))
		return false;
	*out = strtod(text, &end);
	return !*end && isfinite(*out);
}

static bool count(const char *text, unsigned most, unsigned *out)
{
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	unsigned long n = strtoul(text, &end, 10);
	*out = (unsigned)n;
	return errno == 0 && !*end && n >= 1 && n <= most;
}

static int ask_quality(const char *text, struct render_options *o, struct err *e)
{
	return count(text, 100, &o->quality) ? 0 : err_set(e, E_INVAL, "quality is a number from 1 to 100");
}

/* center, width, function (PS3.18 8.3.5.1.4); a window without a function is linear. */
static int ask_window(const char *text, struct render_options *o, struct err *e)
{
	static const struct {
		const char *name;
		enum render_voi voi;
	} functions[] = {{"linear", RENDER_LINEAR}, {"linear-exact", RENDER_LINEAR_EXACT}, {"sigmoid", RENDER_SIGMOID}};
	char field[FIELDS][FIELD_ROOM];
	int n = split(text, field);

	if (n < 2 || n > 3 || !decimal(field[0], &o->window_center) || !decimal(field[1], &o->window_width) ||
	    !(o->window_width > 0))
		return err_set(e, E_INVAL, "window is center,width,function: two numbers, the width above 0");
	o->voi = n == 2 ? RENDER_LINEAR : RENDER_FILE;
	for (size_t i = 0; n == 3 && i < sizeof(functions) / sizeof(*functions); i++)
		if (strcasecmp(field[2], functions[i].name) == 0)
			o->voi = functions[i].voi;
	if (o->voi == RENDER_LINEAR && o->window_width < 1)
		return err_set(e, E_INVAL, "a linear window is at least 1 wide");
	return o->voi == RENDER_FILE
		   ? err_set(e, E_INVAL, "the function of a window is linear, linear-exact or sigmoid")
		   : 0;
}

/* A side of the region, or where it begins; "" leaves it as it is. */
static bool region(const char *text, uint32_t *out, bool *negative)
{
	double d;

	if (!*text)
		return true;
	if (!decimal(text, &d) || fabs(d) > UINT32_MAX)
		return false;
	*negative = d < 0;
	*out = (uint32_t)lround(fabs(d));
	return true;
}

/* vw, vh, sx, sy, sw, sh (PS3.18 8.3.5.1.3): a negative sw or sh turns the picture over. */
static int ask_viewport(const char *text, bool thumbnail, struct render_options *o, struct err *e)
{
	char field[FIELDS][FIELD_ROOM] = {{0}};
	bool ignored = false;
	int n = split(text, field);

	if ((n != 2 && n != (int)FIELDS) || !count(field[0], RENDERED_VIEW_MOST, &o->width) ||
	    !count(field[1], RENDERED_VIEW_MOST, &o->height))
		return err_set(e, E_INVAL, "viewport is vw,vh%s; vw and vh are pixels from 1 to %u",
			       thumbnail ? "" : ", or vw,vh,sx,sy,sw,sh", RENDERED_VIEW_MOST);
	o->enlarge = true;
	if (thumbnail && n > 2)
		return err_set(e, E_INVAL, "viewport of a thumbnail is vw,vh alone");
	if (!region(field[2], &o->crop_x, &ignored) || !region(field[3], &o->crop_y, &ignored) ||
	    !region(field[4], &o->crop_w, &o->flip_x) || !region(field[5], &o->crop_h, &o->flip_y))
		return err_set(e, E_INVAL, "sx, sy, sw and sh of a viewport are numbers of pixels, or empty");
	if ((*field[4] && o->crop_w == 0) || (*field[5] && o->crop_h == 0))
		return err_set(e, E_INVAL, "sw and sh of a viewport are not 0");
	return 0;
}

static int ask_annotation(struct exchange *x, const char *text, struct err *e)
{
	char field[FIELDS][FIELD_ROOM];
	int n = split(text, field);

	for (int i = 0; i < n; i++)
		if (strcmp(field[i], "patient") != 0 && strcmp(field[i], "technique") != 0)
			n = -1;
	return n < 0 ? err_set(e, E_INVAL, "annotation is patient, technique, or both")
		     : rendered_warn(x, "annotation is not supported: nothing was written into the picture", e);
}

static int ask_profile(const char *text, struct render_options *o, struct err *e)
{
	static const char *const known[] = {
	    [RENDER_PROFILE_NONE] = "no",        [RENDER_PROFILE_OWN] = "yes",      [RENDER_PROFILE_SRGB] = "srgb",
	    [RENDER_PROFILE_ADOBE] = "adobergb", [RENDER_PROFILE_ROMM] = "rommrgb", [RENDER_PROFILE_P3] = "displayp3"};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(text, known[i]) == 0) {
			o->profile = (enum render_profile)i;
			return 0;
		}
	return err_set(e, E_INVAL, "iccprofile is no, yes, srgb, adobergb, rommrgb or displayp3");
}

/* Not of the standard: overlays are part of what is shown, unless somebody does not want them. */
static int ask_overlays(const char *text, struct render_options *o, struct err *e)
{
	o->no_overlays = strcmp(text, "no") == 0;
	return o->no_overlays || strcmp(text, "yes") == 0 ? 0 : err_set(e, E_INVAL, "overlays is yes or no");
}

/* PS3.18 8.3.1.1 wants what is not known to be ignored; whoever mistyped a name is told. */
static int tell_unknown(struct exchange *x, struct err *e)
{
	static const char *const known[] = {"accept",   "transfer-syntax", "charset",    "quality", "window",
					    "viewport", "annotation",      "iccprofile", "overlays"};
	char text[CODEC_WARNING], names[80] = "";
	size_t used = 0;

	for (unsigned i = 0; i < x->query.n && used < sizeof(names); i++) {
		const char *name = x->query.pairs[i].name;
		bool is_known = false;

		for (size_t k = 0; k < sizeof(known) / sizeof(*known); k++)
			is_known |= strcmp(name, known[k]) == 0;
		if (!is_known)
			used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", used ? ", " : "", name);
	}
	if (!used)
		return 0;
	snprintf(text, sizeof(text), "ignored, for they are not known here: %s", names);
	return rendered_warn(x, text, e);
}

int rendered_ask(struct exchange *x, bool thumbnail, struct render_options *out, struct err *e)
{
	const char *quality = url_query_get(&x->query, "quality"), *window = url_query_get(&x->query, "window"),
		   *viewport = url_query_get(&x->query, "viewport"),
		   *annotation = url_query_get(&x->query, "annotation"),
		   *profile = url_query_get(&x->query, "iccprofile"), *overlays = url_query_get(&x->query, "overlays");
	int rc = tell_unknown(x, e);

	memset(out, 0, sizeof(*out));
	if (thumbnail)
		out->width = out->height = RENDERED_THUMBNAIL;
	if (rc == 0 && quality)
		rc = ask_quality(quality, out, e);
	if (rc == 0 && window)
		rc = ask_window(window, out, e);
	if (rc == 0 && viewport)
		rc = ask_viewport(viewport, thumbnail, out, e);
	if (rc == 0 && annotation)
		rc = ask_annotation(x, annotation, e);
	if (rc == 0 && profile)
		rc = ask_profile(profile, out, e);
	if (rc == 0 && overlays)
		rc = ask_overlays(overlays, out, e);
	return rc;
}

int rendered_frames(const char *list, uint64_t **out, size_t *n, struct err *e)
{
	uint64_t *frames = calloc(RENDERED_FRAMES, sizeof(*frames));
	size_t have = 0;

	if (!frames)
		return err_set(e, E_NOMEM, "no memory for a list of frames");
	for (const char *p = list;; p++) {
		char *end;

		errno = 0;
		unsigned long long frame = isdigit((unsigned char)*p) ? strtoull(p, &end, 10) : 0;
		if (frame == 0 || errno || (*end && *end != ',') || have == RENDERED_FRAMES) {
			free(frames);
			return err_set(e, E_INVAL, "frames are numbers from 1, with commas between them, at most %u",
				       RENDERED_FRAMES);
		}
		frames[have++] = frame - 1;
		p = end;
		if (!*p)
			break;
	}
	*out = frames;
	*n = have;
	return 0;
}
