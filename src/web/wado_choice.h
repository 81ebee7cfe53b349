/* web/wado_choice.h - as what something is given, by what it is stored as and what the client takes.
 *
 * application/dicom without transfer-syntax is Explicit VR Little Endian, but for what is stored in a lossy form, or in
 * one that nothing here decodes: that goes out as it is stored, and its part says so (PS3.18 8.7.3.4). Of syntaxes that
 * the client likes equally well the stored one is taken. In a ZIP file instances are as stored unless it names a syntax.
 * Pixels without transfer-syntax: application/octet-stream means samples in little endian, decoded; the type of an image
 * means the compressed frames as they are stored. Samples are in the form that the metadata tell of (imaging/frame.h), so
 * YBR_FULL of a JPEG stays YBR_FULL.
 * Frames that are stored without loss are also given in another syntax without loss, when the client names its type or
 * the syntax and the codecs can: each frame is decoded and encoded again. Nobody gets that who did not ask for it.
 * Threads:  depends on arguments alone.   Source: PS3.18 8.7.3, 8.7.8, 10.4.4.
 */
#ifndef WEB_WADO_CHOICE_H
#define WEB_WADO_CHOICE_H

#include "dicom/pixels.h"
#include "web/accept.h"

enum wado_form { WADO_DICOM, WADO_BULK, WADO_ZIP, WADO_JSON, WADO_XML };
#define WADO_OFFERS 5u
/* What studies, series (single false) and instances (true) are offered as, in the order of enum wado_form. */
unsigned wado_form_offers(bool single, struct offer out[WADO_OFFERS]);

/* The transfer syntax in which type (application/dicom, application/zip) carries an instance; "" : none that the client
 * takes. Borrowed from a or stored, or constant. */
const char *wado_syntax(const struct accept *a, const char *type, bool multipart, const char *stored);

/* The transfer syntaxes that an instance is given in, the stored one first, for a refusal to name. */
#define WADO_SYNTAX_OFFERS 16u
unsigned wado_syntax_offers(const char *stored, bool single, struct offer out[WADO_SYNTAX_OFFERS]);

/* Compressed pixel data: its media type, "image/jls"; NULL: stored as samples. */
const char *wado_media_type(const char *syntax);
bool wado_lossy(const char *syntax); /* decoding it does not give back what was compressed, perhaps */
struct wado_pixels {
	const char *type; /* of a part: its media type, constant, and what transfer-syntax it names */
	char syntax[65];
	bool decoded; /* samples, from a compressed syntax */
	bool made;    /* compressed, from another syntax */
	bool multipart;
};
#define WADO_PIXEL_OFFERS 16u
/* What pixel data is offered as, for a refusal to name; shape: as below; single: it is one part. */
unsigned wado_pixel_offers(const char *stored, const struct image_pixel *shape, bool single,
			   struct offer out[WADO_PIXEL_OFFERS]);
void wado_pixels_stored(const char *stored, struct wado_pixels *out); /* in parts, by their own type */
/* Whether the client names something that would have to be made. */
bool wado_names_other(const struct accept *a, const char *stored);
/* decode false: what can be given without decoding. shape: of the pixels that are stored; NULL: nothing else is made of them. */
bool wado_choose_pixels(const struct accept *a, const char *stored, const struct image_pixel *shape, bool single,
			bool decode, struct wado_pixels *out);

/* "1,3,5": frames from 1, in this order, as often as they are named. The list is the caller's to free. -E_INVAL for what is
 * no list, -E_NOENT for 0, -E_LIMIT for more than WADO_FRAMES_MOST. */
#define WADO_FRAMES_MOST 100000u
int wado_frame_list(const char *text, uint64_t **out, unsigned *n, struct err *e);
#endif
