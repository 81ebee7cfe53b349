#include "cmd/demo.h"
#include "archive/intake.h"
#include "archive/registry.h"
#include "base/log.h"
#include "dicom/charset.h"
#include "dicom/dset.h"
#include <stdio.h>
#include <string.h>

#define ROOT "1.2.826.0.1.3680043.10.1530.9" /* below our own root */
#define TEXT_MOST 256

/* ---- pictures: 16-bit grey values from a few ellipses */

struct ellipse {
	int x, y, z, a, b, c; /* centre and half axes, in thousandths of the picture; z of the stack */
	int value;
};

static bool inside(const struct ellipse *el, int x, int y, int z)
{
	int64_t dx = (int64_t)(x - el->x) * 1000 / el->a, dy = (int64_t)(y - el->y) * 1000 / el->b;
	int64_t dz = (int64_t)(z - el->z) * 1000 / el->c;

	return dx * dx + dy * dy + dz * dz <= 1000000;
}

/* The last ellipse that holds the point counts. */
static int value_at(const struct ellipse *el, unsigned n, int x, int y, int z, int outside)
{
	int value = outside;

	for (unsigned i = 0; i < n; i++)
		if (inside(&el[i], x, y, z))
			value = el[i].value;
	return value;
}

static const struct ellipse head[] = {
    {500, 500, 500, 380, 460, 700, 1900},                                     /* skull */
    {500, 500, 500, 350, 430, 670, 1064},                                     /* brain: 40 HU above -1024 */
    {440, 470, 500, 45, 150, 350, 1030},                                      /* ventricles */
    {560, 470, 500, 45, 150, 350, 1030},  {640, 620, 550, 70, 60, 180, 1100}, /* a bleeding */
};
static const struct ellipse chest[] = {
    {500, 560, 500, 460, 480, 900, 2400},                                       /* body */
    {300, 500, 500, 160, 330, 900, 900},                                        /* lungs */
    {700, 500, 500, 160, 330, 900, 900},  {560, 620, 500, 150, 160, 900, 2700}, /* heart */
    {660, 350, 500, 35, 30, 900, 2100},                                         /* a shadow */
};

/* ---- studies */

struct study {
	unsigned number;
	const char *patient_id, *name, *birth, *sex, *charset;
	const char *date, *time, *accession, *description, *series, *modality, *body, *sop_class;
	const struct ellipse *picture;
	unsigned ellipses, size, slices;
};
static const struct study studies[] = {
    {1, "DEMO0001", "DEMO^PATIENT ONE=演示^患者一", "19610203", "M", "ISO_IR 192", "20260105", "081500", "DEMO-A1",
     "头颅CT平扫", "Head 5.0", "CT", "HEAD", "1.2.840.10008.5.1.4.1.1.2", head, 5, 256, 24},
    {2, "DEMO0002", "DEMO^PATIENT TWO=演示^患者二", "19750812", "F", "GB18030", "20260105", "093000", "DEMO-A2",
     "胸部正位片", "Chest PA", "CR", "CHEST", "1.2.840.10008.5.1.4.1.1.1", chest, 5, 512, 1},
    {3, "DEMO0001", "DEMO^PATIENT ONE=演示^患者一", "19610203", "M", "GB18030", "20251120", "140000", "DEMO-A3",
     "胸部正位片", "Chest PA", "CR", "CHEST", "1.2.840.10008.5.1.4.1.1.1", chest, 5, 512, 1},
};

static int put_text(struct dset *d, const struct study *s, uint32_t tag, const char *text, struct err *e)
{
	AUTO(buf) bytes = BUF(TEXT_MOST);
	int rc;

	if (!vr_is_text(dict_vr(tag)))
		return dset_put_text(d, tag, text, e);
	if ((rc = charset_encode(s->charset, text, strlen(text), &bytes, e)) < 0)
		return rc;
	return dset_put(d, tag, NULL, bytes.data, bytes.len, e);
}

static int put_identity(struct dset *d, const struct study *s, unsigned slice, struct err *e)
{
	char study[65], series[65], instance[65], number[16];
	const struct {
		uint32_t tag;
		const char *text;
	} texts[] = {
	    {TAG(0x0008, 0x0005), s->charset},
	    {TAG(0x0008, 0x0008), "ORIGINAL\\PRIMARY"},
	    {TAG(0x0008, 0x0016), s->sop_class},
	    {TAG(0x0008, 0x0018), instance},
	    {TAG(0x0008, 0x0020), s->date},
	    {TAG(0x0008, 0x0023), s->date},
	    {TAG(0x0008, 0x0030), s->time},
	    {TAG(0x0008, 0x0033), s->time},
	    {TAG(0x0008, 0x0050), s->accession},
	    {TAG(0x0008, 0x0060), s->modality},
	    {TAG(0x0008, 0x0070), "Teleread demo"},
	    {TAG(0x0008, 0x0090), ""},
	    {TAG(0x0008, 0x1030), s->description},
	    {TAG(0x0008, 0x103E), s->series},
	    {TAG(0x0010, 0x0010), s->name},
	    {TAG(0x0010, 0x0020), s->patient_id},
	    {TAG(0x0010, 0x0030), s->birth},
	    {TAG(0x0010, 0x0040), s->sex},
	    {TAG(0x0018, 0x0015), s->body},
	    {TAG(0x0020, 0x000D), study},
	    {TAG(0x0020, 0x000E), series},
	    {TAG(0x0020, 0x0010), s->accession},
	    {TAG(0x0020, 0x0011), "1"},
	    {TAG(0x0020, 0x0013), number},
	};
	int rc = 0;

	snprintf(study, sizeof study, ROOT ".%u", s->number);
	snprintf(series, sizeof series, ROOT ".%u.1", s->number);
	snprintf(instance, sizeof instance, ROOT ".%u.1.%u", s->number, slice + 1);
	snprintf(number, sizeof number, "%u", slice + 1);
	for (unsigned i = 0; rc == 0 && i < sizeof texts / sizeof texts[0]; i++)
		rc = put_text(d, s, texts[i].tag, texts[i].text, e);
	return rc;
}

static int put_image(struct dset *d, const struct study *s, unsigned slice, struct err *e)
{
	const struct {
		uint32_t tag;
		int64_t value;
	} numbers[] = {
	    {TAG(0x0028, 0x0002), 1},  {TAG(0x0028, 0x0010), s->size}, {TAG(0x0028, 0x0011), s->size},
	    {TAG(0x0028, 0x0100), 16}, {TAG(0x0028, 0x0101), 12},      {TAG(0x0028, 0x0102), 11},
	    {TAG(0x0028, 0x0103), 0},
	};
	char position[48];
	bool ct = strcmp(s->modality, "CT") == 0;
	int rc = dset_put_text(d, TAG(0x0028, 0x0004), "MONOCHROME2", e);

	for (unsigned i = 0; rc == 0 && i < sizeof numbers / sizeof numbers[0]; i++)
		rc = dset_put_int(d, numbers[i].tag, numbers[i].value, e);
	snprintf(position, sizeof position, "-100\\-100\\%u", slice * 5);
	if (rc == 0 && ct && (rc = dset_put_text(d, TAG(0x0020, 0x0032), position, e)) == 0 &&
	    (rc = dset_put_text(d, TAG(0x0020, 0x0037), "1\\0\\0\\0\\1\\0", e)) == 0 &&
	    (rc = dset_put_text(d, TAG(0x0020, 0x0052), ROOT ".1.2", e)) == 0 &&
	    (rc = dset_put_text(d, TAG(0x0018, 0x0050), "5", e)) == 0 &&
	    (rc = dset_put_text(d, TAG(0x0028, 0x0030), "0.8\\0.8", e)) == 0 &&
	    (rc = dset_put_text(d, TAG(0x0028, 0x1052), "-1024", e)) == 0)
		rc = dset_put_text(d, TAG(0x0028, 0x1053), "1", e);
	if (rc == 0 && (rc = dset_put_text(d, TAG(0x0028, 0x1050), ct ? "40" : "1800", e)) == 0)
		rc = dset_put_text(d, TAG(0x0028, 0x1051), ct ? "100" : "2400", e);
	return rc;
}

/* The element Pixel Data, explicit little endian, behind the other elements. */
static int put_pixels(struct buf *out, const struct study *s, unsigned slice, struct err *e)
{
	uint32_t n = s->size * s->size * 2;
	const uint8_t head_bytes[12] = {0xE0,
					0x7F,
					0x10,
					0x00,
					'O',
					'W',
					0,
					0,
					(uint8_t)n,
					(uint8_t)(n >> 8),
					(uint8_t)(n >> 16),
					(uint8_t)(n >> 24)};
	int z = s->slices > 1 ? (int)(slice * 1000 / (s->slices - 1)) : 500;
	int rc;

	if ((rc = buf_put(out, head_bytes, sizeof head_bytes, e)) < 0 || (rc = buf_reserve(out, n, e)) < 0)
		return rc;
	for (unsigned y = 0; y < s->size; y++)
		for (unsigned x = 0; x < s->size; x++) {
			int v = value_at(s->picture, s->ellipses, (int)(x * 1000 / s->size), (int)(y * 1000 / s->size),
					 z, 24);

			v += (int)((x * 7919 + y * 104729 + slice * 15485863) % 23); /* some noise */
			out->data[out->len++] = (uint8_t)v;
			out->data[out->len++] = (uint8_t)(v >> 8);
		}
	return 0;
}

static int take_in(struct archive *a, const struct site *site, const struct study *s, unsigned slice, struct err *e)
{
	const struct intake_source source = {.site = site->id, .site_code = site->code, .aet = "DEMO", .door = "demo"};
	AUTO(buf) bytes = BUF(2u << 20);
	AUTO(dset) d = NULL;
	struct intake_result result;
	struct intake *in;
	int rc;

	if ((rc = dset_new(&d, e)) < 0 || (rc = put_identity(d, s, slice, e)) < 0 ||
	    (rc = put_image(d, s, slice, e)) < 0 || (rc = dset_write(d, UID_EXPLICIT_LE, &bytes, e)) < 0 ||
	    (rc = put_pixels(&bytes, s, slice, e)) < 0 ||
	    (rc = intake_begin(a, &source, UID_EXPLICIT_LE, "", "", &in, e)) < 0)
		return rc;
	if ((rc = intake_write(in, bytes.data, bytes.len, e)) < 0) {
		intake_abort(in);
		return rc;
	}
	return intake_finish(in, &result, e);
}

/* ---- sites and peers */

static int add_site(struct archive *a, const struct site *s, struct err *e)
{
	struct err known = {0};
	int rc = site_add(a, s, &known);

	if (rc < 0 && rc != -E_EXISTS) {
		*e = known;
		return rc;
	}
	return 0;
}

static int add_peer(struct archive *a, const char *aet, struct err *e)
{
	struct peer p = {.address = "127.0.0.0/8", .site_code = DEMO_SITE};
	struct err known = {0};
	int rc;

	snprintf(p.aet, sizeof p.aet, "%s", aet);
	rc = peer_add(a, &p, &known);
	if (rc < 0 && rc != -E_EXISTS) {
		*e = known;
		return rc;
	}
	return 0;
}

struct sites {
	bool demo;
	char other[33];
};

static int look_at(void *arg, const struct site *s)
{
	struct sites *seen = arg;

	if (strcmp(s->code, DEMO_SITE) == 0)
		seen->demo = true;
	else if (strcmp(s->code, DEMO_PROVINCE) != 0)
		memcpy(seen->other, s->code, sizeof seen->other);
	return 0;
}

/* Real sites get no fictitious patients beside them. Whoever adds a site to a demo knows that it is one. */
static int check_sites(struct archive *a, struct err *e)
{
	struct sites seen = {0};
	int rc = site_each(a, look_at, &seen, e);

	if (rc < 0 || seen.demo || !seen.other[0])
		return rc;
	return err_set(e, E_CONFIG, "the archive holds another site, %s: take an empty folder (--data)", seen.other);
}

int demo_fill(struct archive *a, struct err *e)
{
	const struct site province = {
	    .code = DEMO_PROVINCE, .name = "Demo Provincial Reading Centre", .tier = "province"};
	const struct site county = {
	    .code = DEMO_SITE, .name = "Demo County Hospital", .tier = "county", .parent_code = DEMO_PROVINCE};
	/* what DCMTK's tools call themselves */
	static const char *const tools[] = {"ECHOSCU", "STORESCU", "DCMSEND", "FINDSCU", "GETSCU", "MOVESCU"};
	struct site site;
	int rc;

	if ((rc = check_sites(a, e)) < 0 || (rc = add_site(a, &province, e)) < 0 ||
	    (rc = add_site(a, &county, e)) < 0 || (rc = site_get(a, DEMO_SITE, &site, e)) < 0)
		return rc;
	for (unsigned i = 0; i < sizeof tools / sizeof tools[0]; i++)
		if ((rc = add_peer(a, tools[i], e)) < 0)
			return rc;
	for (unsigned i = 0; i < sizeof studies / sizeof studies[0]; i++)
		for (unsigned slice = 0; slice < studies[i].slices; slice++)
			if ((rc = take_in(a, &site, &studies[i], slice, e)) < 0)
				return rc;
	log_info("demo: sites %s and %s, and %zu fictitious studies", DEMO_PROVINCE, DEMO_SITE,
		 sizeof studies / sizeof studies[0]);
	return 0;
}
