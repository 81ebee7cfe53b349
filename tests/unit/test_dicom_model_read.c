#include "dicom/model.h"
#include "dicom/model_read.h"
#include "dicom_bytes.h"

static void reads(const char *text, struct model_set *s)
{
	struct err e = {0};

	if (model_read_json(text, strlen(text), s, &e) < 0)
		fail_msg("%s", e.msg);
}

/* What was read, as JSON of the house. */
static void json_of(const struct model_set *s, struct buf *out)
{
	AUTO(dset) d = NULL;
	struct err e = {0};

	if (dset_parse(s->bytes.data, s->bytes.len, UID_EXPLICIT_LE, &d, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(model_dset(d, MODEL_JSON, NULL, out, &e), 0);
}

static void same_json(const char *text, const char *wanted)
{
	AUTO(model_set) s = {0};
	AUTO(buf) back = BUF(1 << 20);

	reads(text, &s);
	json_of(&s, &back);
	assert_string_equal(buf_text(&back), wanted);
}

static void refused(const char *text, enum err_code code, const char *says)
{
	struct model_set s;
	struct err e = {0};
	bool xml = text[0] == '<';
	int rc = (xml ? model_read_xml : model_read_json)(text, strlen(text), &s, &e);

	if (rc == 0)
		fail_msg("taken: %s", text);
	if (rc != -(int)code || !strstr(e.msg, says))
		fail_msg("%s: %d %s", text, rc, e.msg);
}

static const char all_vrs[] =
    "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
    "\"00080008\":{\"vr\":\"CS\",\"Value\":[\"ORIGINAL\",null,\"AXIAL\"]},"
    "\"00080016\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.5.1.4.1.1.2\"]},"
    "\"00080018\":{\"vr\":\"UI\",\"Value\":[\"1.2.3\"]},"
    "\"00080020\":{\"vr\":\"DA\",\"Value\":[\"20240131\"]},"
    "\"00080030\":{\"vr\":\"TM\",\"Value\":[\"101112.13\"]},"
    "\"00080050\":{\"vr\":\"SH\"},"
    "\"00080054\":{\"vr\":\"AE\",\"Value\":[\"NODE\"]},"
    "\"0008002A\":{\"vr\":\"DT\",\"Value\":[\"20240131101112\"]},"
    "\"00080119\":{\"vr\":\"UC\",\"Value\":[\"a\",\"b\"]},"
    "\"00081190\":{\"vr\":\"UR\",\"Value\":[\"http://a/b\"]},"
    "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"00081155\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]},"
    "\"00082112\":{\"vr\":\"SQ\",\"Value\":[{}]}},{}]},"
    "\"00082112\":{\"vr\":\"SQ\"},"
    "\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Wang^XiaoDong\",\"Ideographic\":\"王^小东\"},{"
    "\"Phonetic\":"
    "\"p\"}]},"
    "\"00101010\":{\"vr\":\"AS\",\"Value\":[\"044Y\"]},"
    "\"001021B0\":{\"vr\":\"LT\",\"Value\":[\"a\\\\b\"]},"
    "\"00110010\":{\"vr\":\"LO\",\"Value\":[\"ACME\"]},"
    "\"00111001\":{\"vr\":\"UN\",\"InlineBinary\":\"AAEC/w==\"},"
    "\"00186060\":{\"vr\":\"FL\",\"Value\":[1.5,\"NaN\",-0.25]},"
    "\"00189073\":{\"vr\":\"FD\",\"Value\":[0.1,\"-Infinity\"]},"
    "\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"1.2.4\"]},"
    "\"0020000E\":{\"vr\":\"UI\",\"Value\":[\"1.2.5\"]},"
    "\"00200013\":{\"vr\":\"IS\",\"Value\":[7]},"
    "\"00204000\":{\"vr\":\"LT\",\"Value\":[\"two\\u000d\\u000alines\"]},"
    "\"00280008\":{\"vr\":\"IS\",\"Value\":[3]},"
    "\"00280009\":{\"vr\":\"AT\",\"Value\":[\"00181063\",\"FFFEE000\"]},"
    "\"00280010\":{\"vr\":\"US\",\"Value\":[0,65535]},"
    "\"00280030\":{\"vr\":\"DS\",\"Value\":[0.1,-12.125,1e-07]},"
    "\"00280106\":{\"vr\":\"SS\",\"Value\":[-32768,32767]},"
    "\"00281201\":{\"vr\":\"OW\",\"InlineBinary\":\"AQI=\"},"
    "\"00660016\":{\"vr\":\"OF\",\"InlineBinary\":\"AACAPw==\"},"
    "\"00720070\":{\"vr\":\"UT\",\"Value\":[\"long\"]},"
    "\"00720078\":{\"vr\":\"UL\",\"Value\":[4294967295]},"
    "\"0072007C\":{\"vr\":\"SL\",\"Value\":[-2147483648]},"
    "\"00720082\":{\"vr\":\"SV\",\"Value\":[\"-9223372036854775808\",5]},"
    "\"00720083\":{\"vr\":\"UV\",\"Value\":[\"18446744073709551615\"]}}";

/* The order of keys is the reader's concern: 0008002A stands behind 00080054 here. */
static void json_all_vrs(void **state)
{
	AUTO(model_set) s = {0};
	AUTO(buf) once = BUF(1 << 20);
	AUTO(buf) twice = BUF(1 << 20);
	AUTO(model_set) again = {0};

	(void)state;
	reads(all_vrs, &s);
	assert_string_equal(s.sop_class, "1.2.840.10008.5.1.4.1.1.2");
	assert_string_equal(s.sop_instance, "1.2.3");
	assert_string_equal(s.study, "1.2.4");
	assert_string_equal(s.series, "1.2.5");
	assert_int_equal(s.frames, 3);
	assert_int_equal(s.n_bulks, 0);
	json_of(&s, &once);
	assert_int_equal(once.len, strlen(all_vrs));
	reads(buf_text(&once), &again);
	json_of(&again, &twice);
	assert_string_equal(buf_text(&once), buf_text(&twice));
	assert_int_equal(s.bytes.len, again.bytes.len);
	assert_memory_equal(s.bytes.data, again.bytes.data, s.bytes.len);
	assert_non_null(strstr(buf_text(&once), "\"Value\":[0.1,-12.125,1e-07]"));
	assert_non_null(strstr(buf_text(&once), "王^小东"));
}

static void json_lenient(void **state)
{
	(void)state;
	same_json("{\"0008103e\":{\"Value\":[\"x\"]},\"00100010\":{\"vr\":\"PN\",\"Value\":[\"A^B\",null]},"
		  "\"00200013\":{\"vr\":\"IS\",\"Value\":[\"7\",8.0]},\"00280010\":{\"vr\":\"US\",\"Value\":[\"12\"]}}",
		  "{\"0008103E\":{\"vr\":\"LO\",\"Value\":[\"x\"]},\"00100010\":{\"vr\":\"PN\",\"Value\":[{"
		  "\"Alphabetic\":\"A^B\"},"
		  "null]},\"00200013\":{\"vr\":\"IS\",\"Value\":[7,8]},\"00280010\":{\"vr\":\"US\",\"Value\":[12]}}");
	/* a label only where it is due: ASCII without one stays so, whatever else was said becomes UTF-8 */
	same_json(
	    "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 100\"]},\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}",
	    "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR "
	    "192\"]},\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}");
	same_json(
	    "{\"00080070\":{\"vr\":\"LO\",\"Value\":[\"\\u00e9\"]},\"00081140\":{\"vr\":\"SQ\",\"Value\":[{"
	    "\"00080005\":"
	    "{\"vr\":\"CS\",\"Value\":[\"GB18030\"]}}]}}",
	    "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},\"00080070\":{\"vr\":\"LO\",\"Value\":[\"é\"]},"
	    "\"00081140\":{\"vr\":\"SQ\",\"Value\":[{}]}}");
}

static void how_pixels_come(void **state)
{
	AUTO(model_set) s = {0};
	AUTO(model_set) t = {0};

	(void)state;
	reads("{\"00083002\":{\"vr\":\"UI\",\"Value\":[\"1.2.9\"]},\"00020010\":{\"vr\":\"UI\",\"Value\":[\"1.2.8\"]},"
	      "\"00080000\":{\"vr\":\"UL\",\"Value\":[4]},\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]}}",
	      &s);
	assert_string_equal(s.syntax, "1.2.8");
	assert_int_equal(s.bytes.len, 10);
	reads("{\"00083002\":{\"vr\":\"UI\",\"Value\":[\"1.2.9\"]}}", &t);
	assert_string_equal(t.syntax, "1.2.9");
	assert_int_equal(t.bytes.len, 0);
	assert_int_equal(t.frames, 1);
}

/* trap 29: references to bulk data say where their elements belong, in sequences, too */
static void bulk_references(void **state)
{
	AUTO(model_set) s = {0};
	AUTO(buf) whole = BUF(1 << 20);
	AUTO(buf) json = BUF(1 << 20);
	AUTO(dset) d = NULL;
	struct err e = {0};
	size_t at = 0;

	(void)state;
	reads("{\"7FE00010\":{\"vr\":\"OW\",\"BulkDataURI\":\"pixels\"},\"00100010\":{\"vr\":\"PN\",\"Value\":[{"
	      "\"Alphabetic\":"
	      "\"A\"}]},\"54000100\":{\"vr\":\"SQ\",\"Value\":[{\"54001010\":{\"vr\":\"OB\",\"BulkDataURI\":\"../"
	      "wave\"}}]},"
	      "\"00420011\":{\"vr\":\"OB\",\"BulkDataURI\":\"http://h/"
	      "doc\"},\"00204000\":{\"vr\":\"LT\",\"BulkDataURI\":\"t\"}}",
	      &s);
	static const char *const uris[] = {"t", "http://h/doc", "../wave", "pixels"};
	assert_int_equal(s.n_bulks, 4);
	for (unsigned i = 0; i < 4; i++) {
		assert_string_equal(s.uris.data + s.bulks[i].uri, uris[i]);
		assert_int_equal(buf_put(&whole, s.bytes.data + at, s.bulks[i].at - at, &e), 0);
		assert_int_equal(model_bulk_head(s.bulks[i].tag, s.bulks[i].vr, 2, &whole, &e), 0);
		assert_int_equal(buf_put(&whole, "xy", 2, &e), 0);
		at = s.bulks[i].at;
	}
	assert_int_equal(s.bulks[2].depth, 1);
	assert_int_equal(buf_put(&whole, s.bytes.data + at, s.bytes.len - at, &e), 0);
	assert_int_equal(dset_parse(whole.data, whole.len, UID_EXPLICIT_LE, &d, &e), 0);
	assert_int_equal(model_dset(d, MODEL_JSON, NULL, &json, &e), 0);
	assert_string_equal(
	    buf_text(&json),
	    "{\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"A\"}]},\"00204000\":{\"vr\":\"LT\",\"Value\":["
	    "\"xy\"]},\"00420011\":{\"vr\":\"OB\",\"InlineBinary\":\"eHk=\"},\"54000100\":{\"vr\":\"SQ\",\"Value\":[{"
	    "\"54001010\":{\"vr\":\"OB\",\"InlineBinary\":\"eHk=\"}}]},\"7FE00010\":{\"vr\":\"OW\",\"InlineBinary\":"
	    "\"eHk=\"}}");
}

/* What does not fit the 16 bits of its length goes as UN (PS3.5 6.2.2). */
static void long_values(void **state)
{
	AUTO(buf) text = BUF(1 << 20);
	AUTO(model_set) s = {0};

	(void)state;
	assert_int_equal(buf_str(&text, "{\"00204000\":{\"vr\":\"LT\",\"Value\":[\"", NULL), 0);
	for (unsigned i = 0; i < 70000; i++)
		assert_int_equal(buf_byte(&text, 'a', NULL), 0);
	assert_int_equal(buf_str(&text, "\"]}}", NULL), 0);
	reads(buf_text(&text), &s);
	assert_int_equal(s.bytes.len, 70012);
	assert_memory_equal(s.bytes.data, "\x20\x00\x00\x40UN\0\0\x70\x11\x01\0", 12);
}

static void refusals(void **state)
{
	(void)state;
#define EL(tag, rest) "{\"" tag "\":{" rest "}}"
	refused("", E_INVAL, "line");
	refused("[]", E_INVAL, "object of elements");
	refused("{}", E_INVAL, "object of elements");
	refused("{\"00100010\":1,\"00100010\":2}", E_INVAL, "twice");
	refused("{\"0008000a\":{\"vr\":\"CS\"},\"0008000A\":{\"vr\":\"CS\"}}", E_INVAL, "(0008,000A) comes twice");
	refused("{\"00100010\":{\"vr\":\"PN\"}", E_INVAL, "not understood");
	refused(EL("PatientName", ""), E_INVAL, "PatientName");
	refused(EL("0010001G", ""), E_INVAL, "0010001G");
	refused(EL("FFFEE000", ""), E_INVAL, "(FFFE,E000)");
	refused(EL("00000002", "\"vr\":\"UI\""), E_INVAL, "(0000,0002)");
	refused("{\"00100010\":[]}", E_INVAL, "(0010,0010)");
	refused(EL("00100010", "\"vr\":\"XX\""), E_INVAL, "vr");
	refused(EL("00100010", "\"vr\":7"), E_INVAL, "vr");
	refused(EL("00100010", "\"vr\":\"PN\",\"value\":[]"), E_INVAL, "one of Value");
	refused(EL("00100010", "\"vr\":\"PN\",\"Value\":\"A\""), E_INVAL, "array");
	refused(EL("00100010", "\"vr\":\"PN\",\"Value\":[{\"Other\":\"A\"}]"), E_INVAL, "group");
	refused(EL("00100020", "\"vr\":\"LO\",\"Value\":[\"a\\\\b\"]"), E_INVAL, "backslash");
	refused(EL("00100020", "\"vr\":\"LO\",\"Value\":[true]"), E_INVAL, "VR LO");
	refused(EL("00204000", "\"vr\":\"LT\",\"Value\":[\"a\",\"b\"]"), E_INVAL, "one value");
	refused(EL("00280010", "\"vr\":\"US\",\"Value\":[65536]"), E_INVAL, "VR US");
	refused(EL("00280010", "\"vr\":\"US\",\"Value\":[-1]"), E_INVAL, "VR US");
	refused(EL("00280010", "\"vr\":\"US\",\"Value\":[1.5]"), E_INVAL, "VR US");
	refused(EL("00280010", "\"vr\":\"SS\",\"Value\":[32768]"), E_INVAL, "VR SS");
	refused(EL("00186060", "\"vr\":\"FL\",\"Value\":[1e39]"), E_INVAL, "VR FL");
	refused(EL("00186060", "\"vr\":\"FL\",\"Value\":[\"1x\"]"), E_INVAL, "VR FL");
	refused(EL("00200013", "\"vr\":\"IS\",\"Value\":[1.5]"), E_INVAL, "VR IS");
	refused(EL("00280009", "\"vr\":\"AT\",\"Value\":[\"0018\"]"), E_INVAL, "VR AT");
	refused(EL("00281201", "\"vr\":\"OW\",\"Value\":[1]"), E_INVAL, "InlineBinary");
	refused(EL("00281201", "\"vr\":\"OW\",\"InlineBinary\":\"AQ\""), E_INVAL, "base64");
	refused(EL("00281201", "\"vr\":\"OW\",\"InlineBinary\":\"A=QI\""), E_INVAL, "base64");
	refused(EL("00281201", "\"vr\":\"OW\",\"InlineBinary\":\"AQ*=\""), E_INVAL, "base64");
	refused(EL("00281201", "\"vr\":\"OW\",\"InlineBinary\":\"AQI=\",\"BulkDataURI\":\"a\""), E_INVAL,
		"more than one");
	refused(EL("00100010", "\"vr\":\"PN\",\"InlineBinary\":\"AQI=\""), E_INVAL, "no InlineBinary");
	refused(EL("00081140", "\"vr\":\"SQ\",\"Value\":[1]"), E_INVAL, "no object");
	refused(EL("00081140", "\"vr\":\"SQ\",\"BulkDataURI\":\"a\""), E_INVAL, "items");
	refused("{\"00100020\":{\"vr\":\"LO\",\"Value\":[\"a\\u0000b\"]}}", E_INVAL, "line");
}

static void depth_and_size(void **state)
{
	AUTO(buf) text = BUF(8u << 20);
	AUTO(buf) xml = BUF(8u << 20);
	AUTO(model_set) s = {0};
	struct err e = {0};

	(void)state;
	for (unsigned i = 0; i < SCAN_DEPTH; i++)
		buf_str(&text, "{\"00081140\":{\"vr\":\"SQ\",\"Value\":[", NULL);
	buf_str(&text, "{}", NULL);
	for (unsigned i = 0; i < SCAN_DEPTH; i++)
		buf_str(&text, "]}}", NULL);
	refused(buf_text(&text), E_LIMIT, "deeper");
	buf_clear(&text);
	assert_int_equal(buf_reserve(&text, MODEL_TEXT + 1, NULL), 0);
	memset(text.data, '[', MODEL_TEXT + 1);
	assert_int_equal(model_read_json((char *)text.data, MODEL_TEXT + 1, &s, &e), -E_LIMIT);
	assert_int_equal(model_read_json((char *)text.data, MODEL_TEXT, &s, &e), -E_INVAL);
	assert_int_equal(model_read_xml((char *)text.data, MODEL_TEXT + 1, &s, &e), -E_LIMIT);
	buf_str(&xml, "<NativeDicomModel>", NULL);
	for (unsigned i = 0; i < 200; i++)
		buf_str(&xml, "<DicomAttribute tag=\"00081140\" vr=\"SQ\"><Item number=\"1\">", NULL);
	assert_true(model_read_xml(buf_text(&xml), xml.len, &s, &e) < 0);
}

#define XML                                                                                                            \
	"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<NativeDicomModel "                                               \
	"xmlns=\"http://dicom.nema.org/PS3.19/models/NativeDICOM\" "                                                   \
	"xml:space=\"preserve\">"

static void same_xml(const char *text, const char *wanted)
{
	AUTO(model_set) s = {0};
	AUTO(buf) back = BUF(1 << 20);
	struct err e = {0};

	if (model_read_xml(text, strlen(text), &s, &e) < 0)
		fail_msg("%s", e.msg);
	json_of(&s, &back);
	assert_string_equal(buf_text(&back), wanted);
}

static void xml_values(void **state)
{
	(void)state;
	same_xml(
	    XML
	    "\n <!-- c --> <DicomAttribute tag=\"00080008\" vr=\"CS\" keyword=\"ImageType\"><Value "
	    "number=\"1\">A</Value>"
	    "<Value number=\"3\">B &amp; <![CDATA[<C>]]></Value></DicomAttribute>"
	    "<DicomAttribute tag=\"00080050\" vr=\"SH\"/>"
	    "<DicomAttribute tag=\"00081140\" vr=\"SQ\"><Item number=\"1\"><DicomAttribute tag=\"00081155\" vr=\"UI\">"
	    "<Value number=\"1\">1.2</Value></DicomAttribute></Item><Item number=\"2\"/></DicomAttribute>"
	    "<DicomAttribute tag=\"00100010\" vr=\"PN\"><PersonName "
	    "number=\"1\"><Alphabetic><FamilyName>Wang</FamilyName>"
	    "<MiddleName>M</MiddleName></Alphabetic><Ideographic><FamilyName>王</FamilyName></Ideographic></PersonName>"
	    "</DicomAttribute>"
	    "<DicomAttribute tag=\"00280010\" vr=\"US\"><Value number=\"1\">512</Value></DicomAttribute>"
	    "<DicomAttribute tag=\"00280030\" vr=\"DS\"><Value number=\"1\">1.10</Value></DicomAttribute>"
	    "<DicomAttribute tag=\"00281201\" vr=\"OW\"><InlineBinary>AQ\n I=</InlineBinary></DicomAttribute>"
	    "</NativeDicomModel>\n<!-- end -->",
	    "{\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR "
	    "192\"]},\"00080008\":{\"vr\":\"CS\",\"Value\":[\"A\",null,\"B & "
	    "<C>\"]},\"00080050\":{\"vr\":\"SH\"},\"00081140\":{\"vr\":\"SQ\",\"Value\":[{\"00081155\":{\"vr\":\"UI\","
	    "\"Value\":["
	    "\"1.2\"]}},{}]},\"00100010\":{\"vr\":\"PN\",\"Value\":[{\"Alphabetic\":\"Wang^^M\",\"Ideographic\":\"王\"}"
	    "]},"
	    "\"00280010\":{\"vr\":\"US\",\"Value\":[512]},\"00280030\":{\"vr\":\"DS\",\"Value\":[1.10]},\"00281201\":{"
	    "\"vr\":\"OW\","
	    "\"InlineBinary\":\"AQI=\"}}");
	/* private attributes with their creator alone get its block; a creator that is there keeps its own */
	same_xml(XML "<DicomAttribute tag=\"00110011\" vr=\"LO\"><Value number=\"1\">ACME</Value></DicomAttribute>"
		     "<DicomAttribute tag=\"00110001\" vr=\"SH\" privateCreator=\"ACME\"><Value "
		     "number=\"1\">a</Value></DicomAttribute>"
		     "<DicomAttribute tag=\"00110002\" vr=\"SH\" privateCreator=\"OTHER\"><Value "
		     "number=\"1\">b</Value></DicomAttribute>"
		     "</NativeDicomModel>",
		 "{\"00110010\":{\"vr\":\"LO\",\"Value\":[\"OTHER\"]},\"00110011\":{\"vr\":\"LO\",\"Value\":[\"ACME\"]}"
		 ",\"00111002\":{"
		 "\"vr\":\"SH\",\"Value\":[\"b\"]},\"00111101\":{\"vr\":\"SH\",\"Value\":[\"a\"]}}");
}

static void xml_bulk(void **state)
{
	AUTO(model_set) s = {0};
	struct err e = {0};
	const char *text =
	    XML "<DicomAttribute tag=\"7FE00010\" vr=\"OW\"><BulkData uri=\"a/b\" uuid=\"x\"/></DicomAttribute>"
		"</NativeDicomModel>";

	(void)state;
	assert_int_equal(model_read_xml(text, strlen(text), &s, &e), 0);
	assert_int_equal(s.n_bulks, 1);
	assert_string_equal(s.uris.data, "a/b");
	assert_int_equal(s.bulks[0].tag, 0x7FE00010);
}

static void xml_refusals(void **state)
{
	(void)state;
	refused("<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><NativeDicomModel/>", E_INVAL, "entities");
	refused("<NativeDicomModel>&b;</NativeDicomModel>", E_INVAL, "XML");
	refused("<Other/>", E_INVAL, "not expected");
	refused("<NativeDicomModel>text</NativeDicomModel>", E_INVAL, "text");
	refused("<NativeDicomModel><DicomAttribute/></NativeDicomModel>", E_INVAL, "without a tag");
	refused("<NativeDicomModel><DicomAttribute tag=\"00100020\" vr=\"LO\"><Value "
		"number=\"0\">a</Value></DicomAttribute>"
		"</NativeDicomModel>",
		E_INVAL, "number of a value");
	refused("<NativeDicomModel><DicomAttribute tag=\"00100020\" vr=\"LO\"><Value number=\"2000000\">a</Value>"
		"</DicomAttribute></NativeDicomModel>",
		E_INVAL, "number of a value");
	refused(
	    "<NativeDicomModel><DicomAttribute tag=\"00100020\" vr=\"LO\"/><DicomAttribute tag=\"00100020\" vr=\"LO\"/>"
	    "</NativeDicomModel>",
	    E_INVAL, "twice");
	refused("<NativeDicomModel><DicomAttribute tag=\"00100020\" vr=\"LO\"/>", E_INVAL, "well-formed");
	refused("<NativeDicomModel><DicomAttribute tag=\"00100020\" vr=\"LO\"/></NativeDicomModel><a/>", E_INVAL,
		"well-formed");
	refused("<NativeDicomModel/>", E_INVAL, "object of elements");
	refused("<NativeDicomModel a=\"", E_INVAL, "no end");
}

/* Quoted brackets, comments and CDATA do not hide them. */
static void xml_attributes(void **state)
{
	static const char *const heads[] = {"<NativeDicomModel a='>\"'", "<!-- ' --><NativeDicomModel",
					    "<?p ' ?><NativeDicomModel", "<NativeDicomModel><![CDATA[ ' < ]]><Item"};

	(void)state;
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		AUTO(buf) text = BUF(1u << 16);

		buf_str(&text, heads[i], NULL);
		for (unsigned k = 0; k < 65; k++)
			buf_printf(&text, NULL, " a%u=%s", k, k % 2 ? "'>'" : "\">\"");
		buf_str(&text, "/>", NULL);
		refused(buf_text(&text), E_INVAL, "more than 64 attributes");
	}
	refused("<NativeDicomModel b=\"'\" a='<!--'/>", E_INVAL, "well-formed");
}

/* ---- arrays as they arrive */

static int object(void *arg, const char *text, size_t n, struct err *e)
{
	int rc = buf_put(arg, text, n, e);

	return rc < 0 ? rc : buf_byte(arg, '|', e);
}

static int split(const char *text, size_t piece, struct buf *out, struct err *e)
{
	AUTO(model_split) s = NULL;
	size_t n = strlen(text);
	int rc = model_split_new(object, out, &s, e);

	for (size_t at = 0; at < n && rc == 0; at += piece)
		rc = model_split_feed(s, text + at, n - at < piece ? n - at : piece, e);
	return rc < 0 ? rc : model_split_end(s, e);
}

static void splits(const char *text, const char *wanted, int code)
{
	for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
		AUTO(buf) out = BUF(1 << 20);
		struct err e = {0};

		assert_int_equal(split(text, piece, &out, &e), code);
		assert_string_equal(buf_text(&out), wanted);
	}
}

static void arrays(void **state)
{
	AUTO(buf) deep = BUF(1 << 20);
	AUTO(buf) out = BUF(1 << 20);

	(void)state;
	splits(" [ {\"a\":\"]}\\\"{\"} , {\"b\":[{}]}\n] ", "{\"a\":\"]}\\\"{\"}|{\"b\":[{}]}|", 0);
	splits("{\"a\":1}", "{\"a\":1}|", 0);
	splits("[]", "", 0);
	splits("", "", -E_INVAL);
	splits("[{}", "{}|", -E_INVAL);
	splits("[{},", "{}|", -E_INVAL);
	splits("[{},]", "{}|", -E_INVAL);
	splits("[{}{}]", "{}|", -E_INVAL);
	splits("{}{}", "{}|", -E_INVAL);
	splits("[1]", "", -E_INVAL);
	splits("[{}]]", "{}|", -E_INVAL);
	for (unsigned i = 0; i < 300; i++)
		buf_str(&deep, "{", NULL);
	assert_int_equal(split(buf_text(&deep), 7, &out, NULL), -E_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_all_vrs),    cmocka_unit_test(json_lenient),   cmocka_unit_test(how_pixels_come),
	    cmocka_unit_test(bulk_references), cmocka_unit_test(long_values),    cmocka_unit_test(refusals),
	    cmocka_unit_test(depth_and_size),  cmocka_unit_test(xml_values),     cmocka_unit_test(xml_bulk),
	    cmocka_unit_test(xml_refusals),    cmocka_unit_test(xml_attributes), cmocka_unit_test(arrays),
	};

	if (dict_setup(NULL) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
