/* Settings: defaults, files, the sentences for what is wrong in them, and printing. */
#include "base/config.h"
#include "tests/unit/folder.h"
#include <string.h>

static const char *file_with(void **state, const char *text, size_t n)
{
	static char path[300];
	struct folder *f = *state;
	FILE *file;

	snprintf(path, sizeof path, "%s/c.conf", f->path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, n, file), n);
	fclose(file);
	return path;
}

static void defaults(void **state)
{
	AUTO(config) c = {0};

	(void)state;
	assert_int_equal(config_default(&c, NULL), 0);
	assert_string_equal(c.data, "teleread-data");
	assert_string_equal(c.aet, "TELEREAD");
	assert_string_equal(c.listen, "127.0.0.1");
	assert_int_equal(c.dicom_port, 11112);
	assert_int_equal(c.max_associations, 256);
	assert_int_equal(c.max_pdu_receive, 131072);
	assert_int_equal(c.max_pdu_send, 131072);
	assert_int_equal(c.artim_ms, 30000);
	assert_int_equal(c.idle_ms, 300000);
	assert_int_equal(c.dimse_ms, 60000);
	assert_false(c.check_called_aet);
	assert_int_equal(c.find_limit, 0);
	assert_int_equal(c.reserve, 512LL << 20);
	assert_int_equal(c.pack_size, 256LL << 20);
	assert_int_equal(c.prewrite, 256LL << 20);
	assert_int_equal(c.buffer, 1LL << 20);
	assert_int_equal(c.max_instance, 0);
	assert_string_equal(c.log_level, "info");
	assert_int_equal(c.async_window, 16);
	assert_string_equal(c.commit_report, "auto");
	assert_int_equal(c.commit_retry_ms, 30000);
	assert_int_equal(c.commit_giveup_ms, 72LL * 3600000);
	assert_int_equal(c.commit_keep_ms, 168LL * 3600000);
	assert_string_equal(c.log_format, "text");
	assert_int_equal(c.http_port, 8104);
}

static void a_good_file(void **state)
{
	static const char text[] =
	    "\xEF\xBB\xBF# a comment\r\n\r\n[node]\r\naet = READING CENTRE\r\ndata=/srv/\xE7\x8E\x8B dir \r\n"
	    "[dicom]\nport=0\n listen = ::1\nartim = 1500 ms\nidle=2h\ncheck_called_aet = yes\n"
	    "max_pdu_receive = 16384\n[archive]\nmax_instance = 6G\n[node]\n[log]\nlevel = debug\nformat = json";
	AUTO(config) c = {0};
	struct err e = {0};

	if (config_load(&c, file_with(state, text, sizeof text - 1), &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(c.aet, "READING CENTRE");
	assert_string_equal(c.data, "/srv/王 dir");
	assert_int_equal(c.dicom_port, 0);
	assert_string_equal(c.listen, "::1");
	assert_int_equal(c.artim_ms, 1500);
	assert_int_equal(c.idle_ms, 7200000);
	assert_true(c.check_called_aet);
	assert_int_equal(c.max_pdu_receive, 16384);
	assert_int_equal(c.max_instance, 6LL << 30);
	assert_string_equal(c.log_level, "debug");
	assert_string_equal(c.log_format, "json");
	assert_int_equal(c.http_port, 8104);
}

/* want follows "PATH:". */
static void bad(void **state, const char *text, size_t n, const char *want)
{
	AUTO(config) c = {0};
	struct err e = {0};
	const char *path = file_with(state, text, n);
	char all[sizeof e.msg];

	assert_int_equal(config_default(&c, NULL), 0);
	c.dicom_port = 77;
	assert_int_equal(config_load(&c, path, &e), -E_CONFIG);
	snprintf(all, sizeof all, "%s:%s", path, want);
	assert_string_equal(e.msg, all);
	assert_int_equal(c.dicom_port, 77); /* left as it was */
}
#define BAD(text, want) bad(state, text, sizeof(text) - 1, want)

static void bad_files_name_line_key_and_what_was_expected(void **state)
{
	BAD("[dicom]\n\nport = 80800\n", "3: [dicom] port = 80800: expected a whole number, from 0 to 65535");
	BAD("[dicom]\nport = 12x", "2: [dicom] port = 12x: expected a whole number, from 0 to 65535");
	BAD("[dicom]\nport =\n", "2: [dicom] port = : expected a whole number, from 0 to 65535");
	BAD("[dicom]\nport = -1\n", "2: [dicom] port = -1: expected a whole number, from 0 to 65535");
	BAD("[dicom]\nidle = 30\n", "2: [dicom] idle = 30: expected a time with ms, s, min or h, from 100ms to 24h");
	BAD("[dicom]\nidle = 0s\n", "2: [dicom] idle = 0s: expected a time with ms, s, min or h, from 100ms to 24h");
	BAD("[archive]\nbuffer = 1 byte\n",
	    "2: [archive] buffer = 1 byte: expected a size in bytes or with K, M, G, T, from 64K to 16M");
	BAD("[archive]\nreserve = 99999999999999999999\n", "2: [archive] reserve = 99999999999999999999: expected a "
							   "size in bytes or with K, M, G, T, from 0 to 1024T");
	BAD("[archive]\nreserve = 9000000000000T\n",
	    "2: [archive] reserve = 9000000000000T: expected a size in bytes or with K, M, G, T, from 0 to 1024T");
	BAD("[dicom]\ncheck_called_aet = maybe\n", "2: [dicom] check_called_aet = maybe: expected true or false");
	BAD("[dicom]\nlisten = localhost\n",
	    "2: [dicom] listen = localhost: expected an IPv4 or IPv6 address such as 127.0.0.1 or 0.0.0.0");
	BAD("[node]\naet = A\\\\B\n", "2: [node] aet = A\\B: expected an AE title: 1 to 16 characters of ASCII, no "
				      "backslash, no blanks around it");
	BAD("[node]\ndata = \n", "2: [node] data = : expected text that is not empty");
	BAD("[log]\nlevel = loud\n", "2: [log] level = loud: expected debug, info, warn or error");
	BAD("[log]\nformat = xml\n", "2: [log] format = xml: expected text or json");
	BAD("[imaging]\nsandbox = off\n", "2: [imaging] sandbox = off: expected required or optional");
	BAD("[commitment]\nreport = never\n", "2: [commitment] report = never: expected auto, same or new");
	BAD("[log]\nlevels = info\n", "2: unknown key levels in [log], expected one of: level format");
	BAD("# one\n[logs]\n",
	    "2: unknown section [logs], expected one of: [node] [dicom] [query] [index] [archive] [settle] [imaging] "
	    "[commitment] [log] [alerts] [audit] [http] [login] [oidc] [coerce AET] [settle NAME]");
	BAD("[settle a b]\n", "1: [settle a b]: expected a name: 1 to 32 letters, digits, - and _");
	BAD("[settle a]\nform = keep\n[settle a]\nform = keep\n", "4: [settle a] form is set twice, first in line 2");
	BAD("aet = X\n", "1: aet stands before the first [section]");
	BAD("[node]\naet\n", "2: aet: expected key = value");
	BAD("[node\naet = X\n", "1: [node: expected [section]");
	BAD("[]\n", "1: []: expected [section]");
	BAD("[log]\nlevel = info\n\nlevel = warn\n", "4: [log] level is set twice, first in line 2");
	BAD("[node]\ndata = \xCD\xF5\n", "2: not UTF-8 text");
	BAD("[node]\ndata = a\0b\n", "2: not UTF-8 text");
}

static void files_that_cannot_be_read(void **state)
{
	struct folder *f = *state;
	AUTO(config) c = {0};
	AUTO(buf) text = BUF(2 << 20);
	struct err e = {0};

	assert_int_equal(config_load(&c, "/nonexistent/c.conf", &e), -E_NOENT);
	assert_string_equal(e.msg, "/nonexistent/c.conf: No such file or directory");
	e = (struct err){0};
	assert_int_equal(config_load(&c, f->path, &e), -E_CONFIG);
	assert_non_null(strstr(e.msg, "Is a directory"));
	for (int i = 0; i < 200000; i++)
		buf_str(&text, "# too long\n", NULL);
	e = (struct err){0};
	assert_true(config_load(&c, file_with(state, buf_text(&text), text.len), &e) < 0);
	assert_non_null(strstr(e.msg, "c.conf: more than 1048576 bytes"));
	assert_null(c.data);
	assert_int_equal(config_load(&c, NULL, NULL), 0);
	assert_string_equal(c.aet, "TELEREAD");
}

static void one_setting(void **state)
{
	AUTO(config) c = {0};
	struct err e = {0};

	(void)state;
	assert_int_equal(config_default(&c, NULL), 0);
	assert_int_equal(config_set(&c, "dicom.port", "104", &e), 0);
	assert_int_equal(config_set(&c, "settle.busy", "0", &e), 0); /* no time at all has no unit */
	assert_int_equal(c.settle_busy_ms, 0);
	assert_int_equal(config_set(&c, "settle.busy", "1", NULL), -E_CONFIG);
	assert_int_equal(config_set(&c, "dicom.artim", "0", NULL), -E_CONFIG);
	assert_int_equal(c.dicom_port, 104);
	assert_int_equal(config_set(&c, "node.aet", "ABCDEFGHIJKLMNOP", &e), 0);
	assert_int_equal(config_set(&c, "node.aet", "ABCDEFGHIJKLMNOPQ", NULL), -E_CONFIG);
	assert_int_equal(config_set(&c, "node.aet", "", NULL), -E_CONFIG);
	assert_int_equal(config_set(&c, "node.aet", " A", NULL), -E_CONFIG);
	assert_int_equal(config_set(&c, "node.aet", "王", NULL), -E_CONFIG);
	assert_string_equal(c.aet, "ABCDEFGHIJKLMNOP");
	assert_int_equal(config_set(&c, "port", "104", &e), -E_CONFIG);
	assert_string_equal(e.msg, "port: expected section.key, such as dicom.port");
	e = (struct err){0};
	assert_int_equal(config_set(&c, "dicom.prot", "104", &e), -E_CONFIG);
	assert_memory_equal(e.msg, "unknown key prot in [dicom], expected one of: listen port", 56);
	assert_int_equal(config_set(&c, "x.y", "104", NULL), -E_CONFIG);
}

static void what_is_printed_loads_again(void **state)
{
	AUTO(config) c = {0};
	AUTO(config) again = {0};
	AUTO(buf) a = BUF(1 << 16);
	AUTO(buf) b = BUF(1 << 16);
	struct err e = {0};

	assert_int_equal(config_default(&c, &e), 0);
	assert_int_equal(config_set(&c, "node.data", " back\\slash\ttab # not a comment; nor this", &e), 0);
	assert_int_equal(config_set(&c, "dicom.idle", "90s", &e), 0);
	assert_int_equal(config_set(&c, "archive.max_instance", "1025", &e), 0);
	assert_int_equal(config_set(&c, "dicom.check_called_aet", "on", &e), 0);
	assert_int_equal(config_print(&c, &a, &e), 0);
	if (config_load(&again, file_with(state, buf_text(&a), a.len), &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(again.data, c.data);
	assert_int_equal(again.idle_ms, 90000);
	assert_int_equal(again.max_instance, 1025);
	assert_true(again.check_called_aet);
	assert_int_equal(config_print(&again, &b, &e), 0);
	assert_string_equal(buf_text(&a), buf_text(&b));
	assert_non_null(strstr(buf_text(&a), "\nidle = 90s\n"));
	assert_non_null(strstr(buf_text(&a), "\nmax_instance = 1025\n"));
}

static void the_commented_defaults_load_and_are_defaults(void **state)
{
	AUTO(config) c = {0};
	AUTO(buf) a = BUF(1 << 16);
	AUTO(buf) b = BUF(1 << 16);
	struct err e = {0};
	char *line;

	assert_int_equal(config_print(NULL, &a, &e), 0);
	assert_non_null(strstr(buf_text(&a), "\n#port = 11112\n"));
	assert_int_equal(config_load(&c, file_with(state, buf_text(&a), a.len), &e), 0);
	/* With the marks taken away it is what the defaults print as, help before every key. */
	for (line = strtok((char *)a.data, "\n"); line; line = strtok(NULL, "\n"))
		buf_printf(&b, NULL, "%s\n", line[0] == '#' && line[1] != ' ' ? line + 1 : line);
	if (config_load(&c, file_with(state, buf_text(&b), b.len), &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(c.dicom_port, 11112);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    folder_test(defaults),
	    folder_test(a_good_file),
	    folder_test(bad_files_name_line_key_and_what_was_expected),
	    folder_test(files_that_cannot_be_read),
	    folder_test(one_setting),
	    folder_test(what_is_printed_loads_again),
	    folder_test(the_commented_defaults_load_and_are_defaults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
