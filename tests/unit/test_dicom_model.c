/* The DICOM JSON Model and the Native DICOM Model: every VR, every corner of values, whole data sets in pieces. */
#include "dicom/model.h"
#include "dicom_bytes.h"
#include <jansson.h>
#include <libxml/parser.h>

/* ---- one element in both formats */

static const struct value {
	uint32_t tag;
	const char *vr, *bytes;
	size_t n;
	const char *json, *xml; /* behind the head of the attribute */
} values[] = {
#define TEXT(tag, vr, s, json, xml)                                                                                    \
	{                                                                                                              \
		tag, vr, s, sizeof(s) - 1, json, xml                                                                   \
	}
    TEXT(0x00080054, "AE", "A \\B ", ",\"Value\":[\"A\",\"B\"]",
	 "<Value number=\"1\">A</Value><Value number=\"2\">B</Value>"),
    TEXT(0x00101010, "AS", "042Y", ",\"Value\":[\"042Y\"]", "<Value number=\"1\">042Y</Value>"),
    TEXT(0x00280009, "AT", "\x18\0\x63\x10\x08\0\x05\0", ",\"Value\":[\"00181063\",\"00080005\"]",
	 "<Value number=\"1\">00181063</Value><Value number=\"2\">00080005</Value>"),
    TEXT(0x00080008, "CS", "ORIGINAL\\\\AXIAL", ",\"Value\":[\"ORIGINAL\",null,\"AXIAL\"]",
	 "<Value number=\"1\">ORIGINAL</Value><Value number=\"2\"></Value><Value number=\"3\">AXIAL</Value>"),
    TEXT(0x00080020, "DA", "20260102", ",\"Value\":[\"20260102\"]", "<Value number=\"1\">20260102</Value>"),
    TEXT(0x00280030, "DS", "0.50\\1.\\ 1e3 \\.5\\-\\", ",\"Value\":[0.50,1,1e3,0.5,\"-\",null]",
	 "<Value number=\"1\">0.50</Value><Value number=\"2\">1</Value><Value number=\"3\">1e3</Value>"
	 "<Value number=\"4\">0.5</Value><Value number=\"5\">-</Value><Value number=\"6\"></Value>"),
    TEXT(0x00280030, "DS", "1e999\\12345678901234567890\\-0", ",\"Value\":[\"1e999\",1.234567890123457e+19,-0]",
	 "<Value number=\"1\">1e999</Value><Value number=\"2\">1.234567890123457e+19</Value>"
	 "<Value number=\"3\">-0</Value>"),
    TEXT(0x0008002A, "DT", "20260102030405.5+0800", ",\"Value\":[\"20260102030405.5+0800\"]",
	 "<Value number=\"1\">20260102030405.5+0800</Value>"),
    TEXT(0x00700022, "FL", "\0\0\xC0\x7F\0\0\x80\xFF\xCD\xCC\xCC\x3D", ",\"Value\":[\"NaN\",\"-Infinity\",0.1]",
	 "<Value number=\"1\">NaN</Value><Value number=\"2\">-INF</Value><Value number=\"3\">0.1</Value>"),
    TEXT(0x00189087, "FD", "\0\0\0\0\0\0\xF8\x3F\x9A\x99\x99\x99\x99\x99\xB9\x3F\0\0\0\0\0\0\xF0\x7F",
	 ",\"Value\":[1.5,0.1,\"Infinity\"]",
	 "<Value number=\"1\">1.5</Value><Value number=\"2\">0.1</Value><Value number=\"3\">INF</Value>"),
    TEXT(0x00200013, "IS", "+007\\x\\12\\99999999999999999999", ",\"Value\":[7,\"x\",12,\"99999999999999999999\"]",
	 "<Value number=\"1\">7</Value><Value number=\"2\">x</Value><Value number=\"3\">12</Value>"
	 "<Value number=\"4\">99999999999999999999</Value>"),
    TEXT(0x00081030, "LO", " a \"q\" <&> \n\x1F ", ",\"Value\":[\"a \\\"q\\\" <&> \\u000a\\u001f\"]",
	 "<Value number=\"1\">a &quot;q&quot; &lt;&amp;&gt; \n\xEF\xBF\xBD</Value>"),
    TEXT(0x00204000, "LT", "  two\\lines \r\n ", ",\"Value\":[\"  two\\\\lines \\u000d\\u000a\"]",
	 "<Value number=\"1\">  two\\lines &#13;\n</Value>"),
    TEXT(0x00420011, "OB", "\0\1\2\3", ",\"InlineBinary\":\"AAECAw==\"", "<InlineBinary>AAECAw==</InlineBinary>"),
    TEXT(0x00720073, "OD", "\0\1\2\3\4\5\6\7", ",\"InlineBinary\":\"AAECAwQFBgc=\"",
	 "<InlineBinary>AAECAwQFBgc=</InlineBinary>"),
    TEXT(0x00720067, "OF", "\0\1\2\3", ",\"InlineBinary\":\"AAECAw==\"", "<InlineBinary>AAECAw==</InlineBinary>"),
    TEXT(0x00720075, "OL", "\0\1\2\3", ",\"InlineBinary\":\"AAECAw==\"", "<InlineBinary>AAECAw==</InlineBinary>"),
    TEXT(0x00720081, "OV", "\0\1\2\3\4\5\6\7", ",\"InlineBinary\":\"AAECAwQFBgc=\"",
	 "<InlineBinary>AAECAwQFBgc=</InlineBinary>"),
    TEXT(0x00720069, "OW", "\0\1\2\3", ",\"InlineBinary\":\"AAECAw==\"", "<InlineBinary>AAECAw==</InlineBinary>"),
    TEXT(0x00100010, "PN", "Doe^John^^Dr.=\xE6\x9D\x8E^J==x",
	 ",\"Value\":[{\"Alphabetic\":\"Doe^John^^Dr.\","
	 "\"Ideographic\":\"\xE6\x9D\x8E^J\"}]",
	 "<PersonName number=\"1\"><Alphabetic><FamilyName>Doe</FamilyName><GivenName>John</GivenName>"
	 "<NamePrefix>Dr.</NamePrefix></Alphabetic><Ideographic><FamilyName>\xE6\x9D\x8E</FamilyName>"
	 "<GivenName>J</GivenName></Ideographic></PersonName>"),
    TEXT(0x00081050, "PN", "A==C\\\\B^C ",
	 ",\"Value\":[{\"Alphabetic\":\"A\",\"Phonetic\":\"C\"},null,"
	 "{\"Alphabetic\":\"B^C\"}]",
	 "<PersonName number=\"1\"><Alphabetic><FamilyName>A</FamilyName></Alphabetic><Phonetic>"
	 "<FamilyName>C</FamilyName></Phonetic></PersonName><Value number=\"2\"></Value><PersonName number=\"3\">"
	 "<Alphabetic><FamilyName>B</FamilyName><GivenName>C</GivenName></Alphabetic></PersonName>"),
    TEXT(0x00080050, "SH", "1", ",\"Value\":[\"1\"]", "<Value number=\"1\">1</Value>"),
    TEXT(0x00720068, "LO", "  ", "", ""),
    TEXT(0x00186020, "SL", "\xFE\xFF\xFF\xFF", ",\"Value\":[-2]", "<Value number=\"1\">-2</Value>"),
    TEXT(0x00280106, "SS", "\xFE\xFF\x01\0", ",\"Value\":[-2,1]",
	 "<Value number=\"1\">-2</Value><Value number=\"2\">1</Value>"),
    TEXT(0x00080081, "ST", " x\\y ", ",\"Value\":[\" x\\\\y\"]", "<Value number=\"1\"> x\\y</Value>"),
    TEXT(0x00720082, "SV", "\xFF\xFF\xFF\xFF\xFF\xFF\x1F\0\0\0\0\0\0\0\x20\0\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF",
	 ",\"Value\":[9007199254740991,\"9007199254740992\",-2]",
	 "<Value number=\"1\">9007199254740991</Value><Value number=\"2\">9007199254740992</Value>"
	 "<Value number=\"3\">-2</Value>"),
    TEXT(0x00080030, "TM", "101112.5", ",\"Value\":[\"101112.5\"]", "<Value number=\"1\">101112.5</Value>"),
    TEXT(0x00080119, "UC", "a\\b", ",\"Value\":[\"a\",\"b\"]",
	 "<Value number=\"1\">a</Value><Value number=\"2\">b</Value>"),
    TEXT(0x00080018, "UI", "1.2\\1.3\0", ",\"Value\":[\"1.2\",\"1.3\"]",
	 "<Value number=\"1\">1.2</Value><Value number=\"2\">1.3</Value>"),
    TEXT(0x00186016, "UL", "\xFF\xFF\xFF\xFF", ",\"Value\":[4294967295]", "<Value number=\"1\">4294967295</Value>"),
    TEXT(0x00091001, "UN", "\0\1\2\3", ",\"InlineBinary\":\"AAECAw==\"", "<InlineBinary>AAECAw==</InlineBinary>"),
    TEXT(0x00080120, "UR", "http://x/?a\\b ", ",\"Value\":[\"http://x/?a\\\\b\"]",
	 "<Value number=\"1\">http://x/?a\\b</Value>"),
    TEXT(0x00280010, "US", "\1\2\xFF\xFF", ",\"Value\":[513,65535]",
	 "<Value number=\"1\">513</Value><Value number=\"2\">65535</Value>"),
    TEXT(0x00287FE0, "UT", "  t\\u", ",\"Value\":[\"  t\\\\u\"]", "<Value number=\"1\">  t\\u</Value>"),
    TEXT(0x00720083, "UV", "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", ",\"Value\":[\"18446744073709551615\"]",
	 "<Value number=\"1\">18446744073709551615</Value>"),
};

#define XML_HEAD                                                                                                       \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                                 \
	"<NativeDicomModel xmlns=\"http://dicom.nema.org/PS3.19/models/NativeDICOM\" xml:space=\"preserve\""

static void check(const struct dset *d, enum model_format format, const char *label, const char *wanted)
{
	AUTO(buf) out = BUF(1 << 16);
	struct err e = {0};

	if (model_dset(d, format, label, &out, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(buf_text(&out), wanted);
}

static void every_vr(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		const struct value *v = &values[i];
		const char *keyword = dict_keyword(v->tag);
		AUTO(dset) d = NULL;
		char wanted[2000], attribute[100] = "";

		assert_int_equal(dset_new(&d, NULL), 0);
		assert_int_equal(dset_put(d, v->tag, v->vr, v->bytes, v->n, NULL), 0);
		snprintf(wanted, sizeof(wanted), "{\"%08X\":{\"vr\":\"%s\"%s}}", v->tag, v->vr, v->json);
		check(d, MODEL_JSON, "ISO_IR 192", wanted);
		if (*keyword)
			snprintf(attribute, sizeof(attribute), " keyword=\"%s\"", keyword);
		snprintf(wanted, sizeof(wanted),
			 XML_HEAD "><DicomAttribute tag=\"%08X\" vr=\"%s\"%s%s%s%s</NativeDicomModel>\n", v->tag, v->vr,
			 attribute, *v->xml ? ">" : "/>", v->xml, *v->xml ? "</DicomAttribute>" : "");
		check(d, MODEL_XML, "ISO_IR 192", wanted);
	}
}

/* ---- whole data sets, in pieces */

static int reference(void *arg, const char *path, const struct scan_element *el, struct buf *out, struct err *e)
{
	(void)arg;
	return buf_printf(out, e, "../bulk/%s?n=%d&x", path, el->length == SCAN_UNDEFINED ? -1 : (int)el->length);
}

static void sequence(struct buf *b, uint32_t tag, const struct buf *items, unsigned n, bool undefined, bool big)
{
	uint32_t all = 0;

	for (unsigned i = 0; i < n; i++)
		all += 8 + (uint32_t)items[i].len;
	bytes_head(b, tag, "SQ", undefined ? SCAN_UNDEFINED : all, big);
	for (unsigned i = 0; i < n; i++) {
		bytes_head(b, 0xFFFEE000, NULL, undefined ? SCAN_UNDEFINED : (uint32_t)items[i].len, big);
		assert_int_equal(buf_put(b, items[i].data, items[i].len, NULL), 0);
		if (undefined)
			bytes_head(b, 0xFFFEE00D, NULL, 0, big);
	}
	if (undefined)
		bytes_head(b, 0xFFFEE0DD, NULL, 0, big);
}

/* Labels, sequences in sequences of both kinds of length, private blocks, group lengths, big values, fragments. */
static void sample(struct buf *b, bool undefined)
{
	AUTO(buf) inner = BUF(4096);
	struct buf items[2] = {BUF(4096), BUF(4096)};

	bytes_element(&inner, 0x0008103E, "LO", "\xE8\xE9", false);
	bytes_element(&items[0], 0x00080005, "CS", "ISO_IR 100", false);
	bytes_element(&items[0], 0x0008103E, "LO", "\xE9 ", false);
	sequence(&items[0], 0x00081199, &inner, 1, undefined, false);
	bytes_element(&items[1], 0x0008103E, "LO", "\xC4\xE3", false);
	bytes_head(&items[1], 0x7FE00010, "OW", 2, false);
	bytes_number(&items[1], 7, 2, false);

	bytes_head(b, 0x00080000, "UL", 4, false);
	bytes_number(b, 99, 4, false);
	bytes_element(b, 0x00080005, "CS", "GB18030 ", false);
	bytes_element(b, 0x00081030, "LO", "\x94\x5C\\B ", false);
	bytes_element(b, 0x00081030, "LO", "twice ", false);
	sequence(b, 0x00081140, items, 2, undefined, false);
	sequence(b, 0x00081115, NULL, 0, undefined, false);
	bytes_element(b, 0x00090010, "LO", "ACME ", false);
	bytes_element(b, 0x00091001, "UN", "\1\2\3\4\5\6\7\x8", false);
	bytes_element(b, 0x00100020, "UN", "ID", false);
	bytes_element(b, 0x00100030, "DA", "", false);
	bytes_head(b, 0x7FE00010, "OB", SCAN_UNDEFINED, false);
	bytes_head(b, 0xFFFEE000, NULL, 0, false);
	bytes_head(b, 0xFFFEE000, NULL, 4, false);
	bytes_number(b, 0, 4, false);
	bytes_head(b, 0xFFFEE0DD, NULL, 0, false);
	buf_cleanup(&items[0]);
	buf_cleanup(&items[1]);
}

#define SAMPLE_JSON                                                                                                    \
	"{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"                                                    \
	"\"00081030\":{\"vr\":\"LO\",\"Value\":[\"擻\",\"B\"]},"                                                      \
	"\"00081140\":{\"vr\":\"SQ\",\"Value\":[{"                                                                     \
	"\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"                                                     \
	"\"0008103E\":{\"vr\":\"LO\",\"Value\":[\"é\"]},"                                                             \
	"\"00081199\":{\"vr\":\"SQ\",\"Value\":[{\"0008103E\":{\"vr\":\"LO\",\"Value\":[\"èé\"]}}]}},"               \
	"{\"0008103E\":{\"vr\":\"LO\",\"Value\":[\"你\"]},"                                                           \
	"\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"../bulk/00081140/1/7FE00010?n=2&x\"}}]},"                       \
	"\"00081115\":{\"vr\":\"SQ\"},"                                                                                \
	"\"00090010\":{\"vr\":\"LO\",\"Value\":[\"ACME\"]},"                                                           \
	"\"00091001\":{\"vr\":\"UN\",\"BulkDataURI\":\"../bulk/00091001?n=8&x\"},"                                     \
	"\"00100020\":{\"vr\":\"LO\",\"Value\":[\"ID\"]},"                                                             \
	"\"00100030\":{\"vr\":\"DA\"},"                                                                                \
	"\"7FE00010\":{\"vr\":\"OB\",\"BulkDataURI\":\"../bulk/7FE00010?n=-1&x\"}}"
#define SAMPLE_XML                                                                                                     \
	XML_HEAD                                                                                                       \
	"><DicomAttribute tag=\"00080005\" vr=\"CS\" keyword=\"SpecificCharacterSet\"><Value number=\"1\">ISO_IR 192"  \
	"</Value></DicomAttribute><DicomAttribute tag=\"00081030\" vr=\"LO\" keyword=\"StudyDescription\">"            \
	"<Value number=\"1\">擻</Value><Value number=\"2\">B</Value></DicomAttribute>"                                \
	"<DicomAttribute tag=\"00081140\" vr=\"SQ\" keyword=\"ReferencedImageSequence\"><Item number=\"1\">"           \
	"<DicomAttribute tag=\"00080005\" vr=\"CS\" keyword=\"SpecificCharacterSet\"><Value number=\"1\">ISO_IR 192"   \
	"</Value></DicomAttribute><DicomAttribute tag=\"0008103E\" vr=\"LO\" keyword=\"SeriesDescription\">"           \
	"<Value number=\"1\">é</Value></DicomAttribute>"                                                              \
	"<DicomAttribute tag=\"00081199\" vr=\"SQ\" keyword=\"ReferencedSOPSequence\"><Item number=\"1\">"             \
	"<DicomAttribute tag=\"0008103E\" vr=\"LO\" keyword=\"SeriesDescription\"><Value number=\"1\">èé</Value>"    \
	"</DicomAttribute></Item></DicomAttribute></Item><Item number=\"2\">"                                          \
	"<DicomAttribute tag=\"0008103E\" vr=\"LO\" keyword=\"SeriesDescription\"><Value number=\"1\">你</Value>"     \
	"</DicomAttribute><DicomAttribute tag=\"7FE00010\" vr=\"OW\" keyword=\"PixelData\">"                           \
	"<BulkData uri=\"../bulk/00081140/1/7FE00010?n=2&amp;x\"/></DicomAttribute></Item></DicomAttribute>"           \
	"<DicomAttribute tag=\"00081115\" vr=\"SQ\" keyword=\"ReferencedSeriesSequence\"/>"                            \
	"<DicomAttribute tag=\"00090010\" vr=\"LO\"><Value number=\"1\">ACME</Value></DicomAttribute>"                 \
	"<DicomAttribute tag=\"00091001\" vr=\"UN\" privateCreator=\"ACME\"><BulkData uri=\"../bulk/00091001?n=8&amp;" \
	"x\"/></DicomAttribute><DicomAttribute tag=\"00100020\" vr=\"LO\" keyword=\"PatientID\"><Value number=\"1\">"  \
	"ID</Value></DicomAttribute>"                                                                                  \
	"<DicomAttribute tag=\"00100030\" vr=\"DA\" keyword=\"PatientBirthDate\"/>"                                    \
	"<DicomAttribute tag=\"7FE00010\" vr=\"OB\" keyword=\"PixelData\"><BulkData uri=\"../bulk/7FE00010?n=-1&amp;"  \
	"x\"/></DicomAttribute></NativeDicomModel>\n"

/* What comes out when the caller drains its buffer after each piece. */
static void write_all(const struct model_options *o, const char *syntax, const struct buf *b, size_t step, int want,
		      struct buf *all)
{
	AUTO(buf) out = BUF(1 << 20);
	AUTO(model) w = NULL;
	struct err e = {0};
	int rc = 0;

	assert_int_equal(model_new(o, syntax, &out, &w, &e), 0);
	for (size_t i = 0; i < b->len && rc == 0; i += step) {
		rc = model_feed(w, b->data + i, b->len - i < step ? b->len - i : step, &e);
		assert_int_equal(buf_put(all, buf_text(&out), out.len, NULL), 0);
		buf_clear(&out);
	}
	assert_int_equal(rc, want);
	e = (struct err){0};
	if (model_end(w, &e) != 0 && want >= 0)
		fail_msg("%s", e.msg);
	assert_int_equal(buf_put(all, buf_text(&out), out.len, NULL), 0);
}

static void in_pieces(void **state)
{
	static const size_t steps[] = {1, 3, 7, 64, 100000};
	struct model_options o = {.bulk_over = 6, .bulk = reference, .verdict.shown = "GB18030"};

	(void)state;
	for (unsigned i = 0; i < 4 * sizeof(steps) / sizeof(*steps); i++) {
		AUTO(buf) b = BUF(4096);
		AUTO(buf) all = BUF(1 << 20);

		sample(&b, i & 1);
		o.format = i & 2 ? MODEL_XML : MODEL_JSON;
		write_all(&o, UID_EXPLICIT_LE, &b, steps[i / 4], 1, &all);
		assert_string_equal(buf_text(&all), i & 2 ? SAMPLE_XML : SAMPLE_JSON);
	}
}

/* Without a place for bulk, what would be bulk is left out. */
static void without_bulk(void **state)
{
	struct model_options o = {.format = MODEL_JSON, .verdict.shown = "GB18030"};
	AUTO(buf) b = BUF(4096);
	AUTO(buf) all = BUF(1 << 20);

	(void)state;
	sample(&b, false);
	write_all(&o, UID_EXPLICIT_LE, &b, 50, 1, &all);
	assert_null(strstr(buf_text(&all), "7FE00010"));
	assert_non_null(strstr(buf_text(&all), "\"00091001\":{\"vr\":\"UN\",\"InlineBinary\":\"AQIDBAUGBwg=\"}"));
}

/* Half a data set is a whole document all the same, and the caller is told. */
static void broken_off(void **state)
{
	struct model_options o = {.verdict.shown = "GB18030", .bulk = reference};
	AUTO(buf) b = BUF(4096);
	size_t whole;

	(void)state;
	sample(&b, true);
	whole = b.len;
	for (size_t n = 0; n < whole - 40; n++) {
		for (o.format = MODEL_JSON; o.format <= MODEL_XML; o.format++) {
			AUTO(buf) out = BUF(1 << 16);
			AUTO(model) w = NULL;
			struct err e = {0};
			json_t *json;
			xmlDoc *xml;

			assert_int_equal(model_new(&o, UID_EXPLICIT_LE, &out, &w, &e), 0);
			assert_int_equal(model_feed(w, b.data, n, &e), 0);
			model_end(w, &e);
			if (o.format == MODEL_JSON) {
				assert_non_null(json = json_loads(buf_text(&out), JSON_REJECT_DUPLICATES, NULL));
				json_decref(json);
			} else {
				assert_non_null(
				    xml = xmlReadMemory(buf_text(&out), (int)out.len, "x", NULL, XML_PARSE_NOERROR));
				xmlFreeDoc(xml);
			}
		}
	}
}

static void other_byte_order(void **state)
{
	struct model_options o = {.format = MODEL_JSON};
	AUTO(buf) b = BUF(4096);
	AUTO(buf) all = BUF(1 << 20);

	(void)state;
	bytes_head(&b, 0x00280010, "US", 2, true);
	bytes_number(&b, 258, 2, true);
	bytes_head(&b, 0x00281201, "OW", 4, true);
	bytes_number(&b, 1, 2, true);
	bytes_number(&b, 2, 2, true);
	write_all(&o, UID_EXPLICIT_BE, &b, 5, 0, &all);
	assert_string_equal(buf_text(&all), "{\"00280010\":{\"vr\":\"US\",\"Value\":[258]},"
					    "\"00281201\":{\"vr\":\"OW\",\"InlineBinary\":\"AQACAA==\"}}");
}

/* In implicit VR, Pixel Representation tells what values of pixels are. */
static void signed_or_not(void **state)
{
	(void)state;
	for (unsigned is_signed = 0; is_signed < 2; is_signed++) {
		struct model_options o = {.format = MODEL_JSON};
		AUTO(buf) b = BUF(4096);
		AUTO(buf) all = BUF(1 << 20);

		bytes_head(&b, 0x00280103, NULL, 2, false);
		bytes_number(&b, is_signed, 2, false);
		bytes_head(&b, 0x00280120, NULL, 2, false);
		bytes_number(&b, 0xFFFE, 2, false);
		write_all(&o, UID_IMPLICIT_LE, &b, 100, 0, &all);
		assert_non_null(strstr(buf_text(&all), is_signed ? "\"00280120\":{\"vr\":\"SS\",\"Value\":[-2]}"
								 : "\"00280120\":{\"vr\":\"US\",\"Value\":[65534]}"));
	}
}

/* A label that was missing is there in the answer, when text is not ASCII; its own two passes find it. */
static void two_passes(void **state)
{
	AUTO(buf) b = BUF(4096);
	AUTO(buf) all = BUF(1 << 20);
	AUTO(model_judge) j = NULL;
	struct model_options o = {.format = MODEL_JSON};
	struct err e = {0};

	(void)state;
	bytes_element(&b, 0x00080016, "UI", "1.2.3\0", false);
	bytes_number(&b, 0, 1, false);
	b.data[6] = 6;
	bytes_element(&b, 0x00100010, "PN", "\xE6\x9D\x8E\xE5\xB0\x8F\xE9\xBE\x99 ", false);
	bytes_head(&b, 0x7FE00010, "OW", 2, false);
	bytes_number(&b, 0, 2, false);
	assert_int_equal(model_judge_new(UID_EXPLICIT_LE, &j, &e), 0);
	assert_int_equal(model_judge_feed(j, b.data, b.len, &e), 1);
	o.verdict = model_judge_end(j);
	assert_string_equal(o.verdict.shown, "ISO_IR 192");
	write_all(&o, UID_EXPLICIT_LE, &b, 9, 1, &all);
	assert_string_equal(buf_text(&all), "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
					    "\"00080016\":{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]},"
					    "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"李小龙\"}]}}");
}

/* A hundred thousand items pass through a buffer of a few pages. */
static void many_items(void **state)
{
	for (enum model_format format = MODEL_JSON; format <= MODEL_XML; format++) {
		struct model_options o = {.format = format};
		AUTO(buf) out = BUF(16384);
		AUTO(buf) item = BUF(4096);
		AUTO(model) w = NULL;
		struct err e = {0};
		size_t total = 0;

		(void)state;
		bytes_head(&item, 0x52009230, "SQ", SCAN_UNDEFINED, false);
		assert_int_equal(model_new(&o, UID_EXPLICIT_LE, &out, &w, &e), 0);
		assert_int_equal(model_feed(w, item.data, item.len, &e), 0);
		buf_clear(&item);
		bytes_head(&item, 0xFFFEE000, NULL, 12, false);
		bytes_head(&item, 0x00289110, "UL", 4, false);
		bytes_number(&item, 7, 4, false);
		for (unsigned i = 0; i < 100000; i++) {
			if (model_feed(w, item.data, item.len, &e) != 0)
				fail_msg("%s", e.msg);
			total += out.len;
			buf_clear(&out);
		}
		buf_clear(&item);
		bytes_head(&item, 0xFFFEE0DD, NULL, 0, false);
		assert_int_equal(model_feed(w, item.data, item.len, &e), 0);
		assert_int_equal(model_end(w, &e), 0);
		assert_true(total > 100000 * strlen("{\"00289110\":{\"vr\":\"UL\",\"Value\":[7]}}"));
	}
}

/* A buffer that is full is an error that says so, in both formats, and nothing else happens. */
static void no_room(void **state)
{
	AUTO(buf) b = BUF(4096);

	(void)state;
	sample(&b, true);
	for (size_t room = 1; room < 600; room += 7) {
		for (enum model_format format = MODEL_JSON; format <= MODEL_XML; format++) {
			struct model_options o = {.format = format, .bulk = reference, .verdict.shown = "GB18030"};
			AUTO(buf) out = BUF(room);
			AUTO(model) w = NULL;
			struct err e = {0};
			int rc = model_new(&o, UID_EXPLICIT_LE, &out, &w, &e);

			if (rc == 0)
				rc = model_feed(w, b.data, b.len, &e);
			assert_int_equal(rc < 0 ? rc : model_end(w, &e), -E_LIMIT);
			assert_true(out.len <= room);
			assert_true(e.msg[0] != 0);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_vr),   cmocka_unit_test(in_pieces),        cmocka_unit_test(without_bulk),
	    cmocka_unit_test(broken_off), cmocka_unit_test(other_byte_order), cmocka_unit_test(signed_or_not),
	    cmocka_unit_test(two_passes), cmocka_unit_test(many_items),       cmocka_unit_test(no_room),
	};

	dict_setup(NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
