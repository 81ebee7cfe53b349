/* imaging/render_profile.c - colour profiles by Little CMS (PS3.18 8.3.5.1.5, PS3.3 C.11.15). */
#include "imaging/render_own.h"
#include <lcms2.h>

typedef cmsHPROFILE profile_handle;
static void profile_cleanup(profile_handle *p)
{
	if (*p)
		cmsCloseProfile(*p);
}
AUTO_TYPE(profile, profile_handle);

static cmsToneCurve *curve_srgb(void)
{
	const cmsFloat64Number p[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};

	return cmsBuildParametricToneCurve(NULL, 4, p);
}

static cmsToneCurve *curve_of(enum render_profile which)
{
	const cmsFloat64Number romm[5] = {1.8, 1, 0, 1.0 / 16, 1.0 / 32};

	if (which == RENDER_PROFILE_ADOBE)
		return cmsBuildGamma(NULL, 563.0 / 256);
	if (which == RENDER_PROFILE_ROMM)
		return cmsBuildParametricToneCurve(NULL, 4, romm);
	return curve_srgb();
}

/* Primaries and white points of IEC 61966-2-1, Adobe RGB (1998), ISO 22028-2 and SMPTE RP 431-2 with D65. */
static profile_handle well_known(enum render_profile which, bool grey)
{
	static const cmsCIExyY d65 = {0.3127, 0.3290, 1}, d50 = {0.3457, 0.3585, 1};
	static const cmsCIExyYTRIPLE srgb = {{0.64, 0.33, 1}, {0.30, 0.60, 1}, {0.15, 0.06, 1}},
				     adobe = {{0.64, 0.33, 1}, {0.21, 0.71, 1}, {0.15, 0.06, 1}},
				     romm = {{0.7347, 0.2653, 1}, {0.1596, 0.8404, 1}, {0.0366, 0.0001, 1}},
				     p3 = {{0.680, 0.320, 1}, {0.265, 0.690, 1}, {0.150, 0.060, 1}};
	const cmsCIExyYTRIPLE *primaries = which == RENDER_PROFILE_ADOBE  ? &adobe
					   : which == RENDER_PROFILE_ROMM ? &romm
					   : which == RENDER_PROFILE_P3   ? &p3
									  : &srgb;
	cmsToneCurve *curve = curve_of(which);
	profile_handle p = NULL;

	if (curve && grey) {
		p = cmsCreateGrayProfile(&d50, curve);
	} else if (curve) {
		cmsToneCurve *curves[3] = {curve, curve, curve};
		p = cmsCreateRGBProfile(which == RENDER_PROFILE_ROMM ? &d50 : &d65, primaries, curves);
	}
	if (curve)
		cmsFreeToneCurve(curve);
	return p;
}

static void name_it(profile_handle p, enum render_profile which)
{
	static const char *const names[] = {[RENDER_PROFILE_OWN] = "sRGB",
					    [RENDER_PROFILE_SRGB] = "sRGB",
					    [RENDER_PROFILE_ADOBE] = "Adobe RGB (1998)",
					    [RENDER_PROFILE_ROMM] = "ROMM RGB",
					    [RENDER_PROFILE_P3] = "Display P3"};
	cmsMLU *text = cmsMLUalloc(NULL, 1);

	if (text && cmsMLUsetASCII(text, "en", "US", names[which]))
		cmsWriteTag(p, cmsSigProfileDescriptionTag, text);
	if (text)
		cmsMLUfree(text);
}

static int save(profile_handle p, struct buf *out, struct err *e)
{
	cmsUInt32Number n = 0;
	int rc;

	if (!cmsSaveProfileToMem(p, NULL, &n))
		return err_set(e, E_UNSUP, "the colour profile cannot be written");
	if ((rc = buf_reserve(out, n, e)) < 0)
		return rc;
	if (!cmsSaveProfileToMem(p, out->data + out->len, &n))
		return err_set(e, E_UNSUP, "the colour profile cannot be written");
	out->len += n;
	return 0;
}

/* The image's own; NULL: it has none that can be used. */
static profile_handle own_profile(const struct dset *head, struct notes *notes)
{
	const struct elem *el = dset_get(head, TAG(0x28, 0x2000));

	if (!el) {
		const struct dset *path = item_of(head, TAG(0x48, 0x105), 0);
		el = path ? dset_get(path, TAG(0x28, 0x2000)) : NULL;
	}
	if (!el || el->len == 0 || el->len > UINT32_MAX)
		return NULL;
	profile_handle p = cmsOpenProfileFromMem(el->value, (cmsUInt32Number)el->len);
	if (p && cmsGetColorSpace(p) == cmsSigRgbData)
		return p;
	if (p)
		cmsCloseProfile(p);
	notes_add(notes, "the image's colour profile cannot be used");
	return NULL;
}

static bool convert(profile_handle from, profile_handle to, struct canvas *c)
{
	cmsHTRANSFORM t = cmsCreateTransform(from, TYPE_RGB_8, to, TYPE_RGB_8, INTENT_PERCEPTUAL, cmsFLAGS_NOCACHE);

	if (!t)
		return false;
	for (uint32_t y = 0; y < c->height; y++) {
		uint8_t *row = c->data + (size_t)y * c->width * 3;
		cmsDoTransform(t, row, row, c->width);
	}
	cmsDeleteTransform(t);
	return true;
}

int profile_apply(enum render_profile which, const struct dset *head, struct canvas *c, struct buf *out,
		  struct notes *notes, struct err *e)
{
	bool grey = c->samples == 1;

	if (which == RENDER_PROFILE_NONE)
		return 0;
	AUTO(profile) own = grey ? NULL : own_profile(head, notes);
	if (which == RENDER_PROFILE_OWN && own)
		return save(own, out, e);
	AUTO(profile) to = well_known(which, grey);
	if (!to)
		return err_set(e, E_NOMEM, "no memory for a colour profile");
	if (!grey && which != RENDER_PROFILE_OWN && (own || which != RENDER_PROFILE_SRGB)) {
		AUTO(profile) srgb = own ? NULL : well_known(RENDER_PROFILE_SRGB, false);
		if (!convert(own ? own : srgb, to, c)) {
			notes_add(notes, "the colours could not be converted");
			return 0;
		}
	}
	name_it(to, which);
	return save(to, out, e);
}
