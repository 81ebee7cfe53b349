/* codecs_page - writes teleread-codecs(7) from the table of the codecs. tests/tools/test_codecs.sh compares and, when asked,
 * puts it in place. */
#include "imaging/codec_own.h"
#include <stdio.h>

static const char head[] =
    ".Dd November 22, 2026\n"
    ".Dt TELEREAD-CODECS 7\n"
    ".Os Teleread\n"
    ".Sh NAME\n"
    ".Nm teleread-codecs\n"
    ".Nd which pixels are decoded and encoded in which transfer syntax\n"
    ".Sh DESCRIPTION\n"
    ".\\\" made by tests/tools/codecs_page from src/imaging/codec_table.c: change that\n"
    "Objects of any transfer syntax are stored and given back as they came.\n"
    "To show a frame, to settle a series and to send an object in another syntax than its own, its frames are decoded "
    "and encoded.\n"
    "This page lists for each transfer syntax which pixels that is done for, and why not for others.\n"
    "Under each, the first line that fits decides.\n"
    ".Pp\n"
    "Samples keep their values: no colours are converted but those that JPEG 2000 converts within its code stream.\n"
    "Frames of 1 or 3 samples a pixel are known, in 1, 8, 16, 32 or 64 bits allocated.\n"
    "Where a syntax is lossless, bits above Bits Stored (overlays of old objects) are carried, too; a frame whose "
    "bits\n"
    "cannot all be carried is refused.\n"
    "What is encoded is encoded without loss: no rule of settling, no address and no association asks for a form with "
    "loss.\n"
    "Such forms\n"
    "(those below that are not named lossless)\n"
    "are given of what came in them, and of nothing else; that they are encoded, too, says what the codecs can.\n"
    "JPEG 2000 with loss (a ratio is asked for) refuses palettes, single bits and used bits above Bits Stored.\n"
    "Planar Configuration may be either; compressed frames are by pixel.\n"
    "Sizes, samples and bits that a code stream states are compared with the data set; what contradicts it is an "
    "error.\n"
    "Of a damaged frame what is there is shown, the rest is black, and a warning says so.\n";
static const char foot[] = ".Sh SEE ALSO\n"
			   ".Xr teleread 1 ,\n"
			   ".Xr teleread.conf 5 ,\n"
			   ".Xr teleread-http 7\n"
			   ".Pp\n"
			   "DICOM PS3.5, sections 8.2 and A.4.\n";

static void print_list(unsigned mask, const char *const *names, unsigned n)
{
	const char *between = "";

	for (unsigned i = 0; i < n; i++)
		if (mask >> i & 1) {
			printf("%s%s", between, names[i]);
			between = ", ";
		}
}

static void print_pixels(const struct codec_row *r, bool first)
{
	static const char *const colours[] = {
	    "MONOCHROME1, MONOCHROME2", "PALETTE COLOR", "RGB", "YBR_FULL", "YBR_FULL_422", "YBR_RCT, YBR_ICT"};
	static const char *const allocated[] = {"1", "8", "16", "32", "64"};
	static const unsigned widths[] = {1, 8, 16, 32, 64};
	unsigned widest = 0;

	if (r->colours == 63)
		printf("%s", first ? "All" : "All others");
	else
		print_list(r->colours, colours, 6);
	for (unsigned i = 0; i < 5; i++)
		if (r->allocated >> i & 1)
			widest = widths[i];
	if (r->allocated != BITS_ANY) {
		printf("; Bits Allocated ");
		print_list(r->allocated, allocated, 5);
	}
	if (r->stored_least > 1 || r->stored_most < widest)
		printf("; Bits Stored %u to %u", r->stored_least, r->stored_most);
	if (r->sign != SIGN_ANY)
		printf("; %s", r->sign == SIGN_TWO ? "signed" : "unsigned");
	printf("\n");
}

static void print_row(const struct codec_row *r, bool first)
{
	printf(".It ");
	print_pixels(r, first);
	if (!r->no_decode && !r->no_encode)
		printf("decoded and encoded\n");
	else if (r->no_decode && r->no_encode && strcmp(r->no_decode, r->no_encode) == 0)
		printf("refused: %s\n", r->no_decode);
	else
		printf("%s%s; %s%s\n", r->no_decode ? "not decoded: " : "decoded", r->no_decode ? r->no_decode : "",
		       r->no_encode ? "not encoded: " : "encoded", r->no_encode ? r->no_encode : "");
}

/* Syntaxes that share their rows are told together, where the first of them stands. */
static bool told_before(const struct codec_syntax *all, const struct codec_syntax *s)
{
	for (; all < s; all++)
		if (all->rows == s->rows)
			return true;
	return false;
}

int main(void)
{
	const struct codec_syntax *all = codec_syntaxes();

	printf("%s", head);
	for (const struct codec_syntax *s = all; s->uid; s++) {
		if (told_before(all, s))
			continue;
		printf(".Ss %s\n.Bl -tag -width 4n -compact\n", s->name);
		for (const struct codec_syntax *same = s; same->uid; same++)
			if (same->rows == s->rows)
				printf(".It Li %s\n%s%s\n", same->uid, same->name, same->lossless ? "; lossless" : "");
		printf(".El\n.Pp\n.Bl -tag -width 4n -compact\n");
		for (const struct codec_row *r = s->rows; r->colours; r++)
			print_row(r, r == s->rows);
		printf(".El\n");
	}
	printf("%s", foot);
	return 0;
}
