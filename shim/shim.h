/* shim/shim.h - DCMTK behind plain C.
 *
 * Conventions: opaque handles; integers, pointer + length; results are copied into the caller's memory. No C++ name or
 * exception crosses: every body runs inside one guard. Functions return 0 (or a count) or a negative SHIM_E*;
 * shim_error() is the sentence of the calling thread's last failure.
 * Threads:   shim_setup() once, before the first thread; it registers codecs, loads the dictionary, silences DCMTK's own
 *            logging. One thread at a time for each handle, reading included; different handles are independent.
 *            shim_assoc_shutdown() may be called from any thread.
 * Sources:   DICOM PS3.7 (commands), PS3.8 (upper layer).
 */
#ifndef SHIM_SHIM_H
#define SHIM_SHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum {
	SHIM_OK = 0,
	SHIM_EINVAL = -1, /* a NULL handle, a bad argument */
	SHIM_ENOTAG = -2, /* element absent */
	SHIM_EPARSE = -3, /* bytes that are not DICOM */
	SHIM_ENOMEM = -4,
	SHIM_EBUG = -5,   /* something was thrown */
	SHIM_EUNSUP = -6, /* e.g. no codec for a transfer syntax */
	SHIM_ETIMEOUT = -7,
	SHIM_ECLOSED = -8,   /* the peer closed or the network failed */
	SHIM_EABORTED = -9,  /* the peer sent A-ABORT */
	SHIM_ERELEASE = -10, /* the peer asked for release; answer with shim_assoc_release_ack() */
	SHIM_EREJECTED = -11,
	SHIM_ELIMIT = -12,
	SHIM_EPROTO = -13, /* the peer broke the protocol; abort */
	SHIM_EIO = -14,
};
int shim_setup(void);
/* Never NULL; valid until the thread's next call (free, abort and shutdown leave it as it is). */
const char *shim_error(void);

/* ---- dictionary */
/* Both: what seen() returns other than 0 ends the walk and is returned. */
/* Calls seen for every standard (non-private, non-repeating) entry; vr is DCMTK's two-letter name ("ox", "xs" possible);
 * many: it may have several values. */
int shim_dict_each(int (*seen)(void *arg, uint32_t tag, const char *vr, int many, const char *keyword), void *arg);
/* Calls seen for every storage SOP class that DCMTK knows, retired ones included; name in words ("CT Image Storage",
 * "Ultrasound Image Storage (retired)"), only during the call. */
int shim_storage_each(int (*seen)(void *arg, const char *uid, const char *name), void *arg);

/* ---- data sets and files */
/* Files are looked over before DCMTK reads them: SHIM_ELIMIT for sequences nested deeper than 64, a deflated data set that
 * opens to more than 512 MiB, or millions of elements. */
typedef struct shim_dataset shim_dataset;
int shim_dataset_read_file(const char *path, shim_dataset **out); /* Part 10 or bare */
int shim_dataset_parse(const void *data, size_t n, const char *syntax, shim_dataset **out);
/* Copies the value of tag, all components, padding removed. Length without the NUL, as snprintf does. */
int shim_dataset_get_string(const shim_dataset *ds, uint32_t tag, char *buf, size_t len);
int shim_dataset_syntax(const shim_dataset *ds, char *buf, size_t len);
void shim_dataset_free(shim_dataset *ds);
/* A bare data set without pixel data, read in one native syntax and given to put in another, in pieces. What put returns other
 * than 0 ends it: SHIM_EIO. */
int shim_dataset_rewrite(const void *data, size_t n, const char *from, const char *to,
			 int (*put)(void *arg, const void *data, size_t n), void *arg);
/* Writes a DICOMDIR (general purpose profile, lenient) for files below root; file ids are relative with '/'. The count of
 * files that got a record; when some did not, shim_error() names the first. */
int shim_dicomdir_write(const char *root, const char *const *file_ids, size_t n, const char *fileset_id);
/* Calls seen with each referenced file id of a DICOMDIR, components joined by '/'; ids that lead out of it are left out. */
int shim_dicomdir_each(const char *path, int (*seen)(void *arg, const char *file_id), void *arg);

/* ---- commands (PS3.7 annex E): the command set as one flat struct */
/* clang-format off */
enum {
	SHIM_C_STORE_RQ = 0x0001, SHIM_C_STORE_RSP = 0x8001, SHIM_C_GET_RQ = 0x0010, SHIM_C_GET_RSP = 0x8010,
	SHIM_C_FIND_RQ = 0x0020, SHIM_C_FIND_RSP = 0x8020, SHIM_C_MOVE_RQ = 0x0021, SHIM_C_MOVE_RSP = 0x8021,
	SHIM_C_ECHO_RQ = 0x0030, SHIM_C_ECHO_RSP = 0x8030, SHIM_C_CANCEL_RQ = 0x0FFF,
	SHIM_N_EVENT_REPORT_RQ = 0x0100, SHIM_N_EVENT_REPORT_RSP = 0x8100, SHIM_N_ACTION_RQ = 0x0130,
	SHIM_N_ACTION_RSP = 0x8130,
};
/* clang-format on */
#define SHIM_OFFENDING 16
struct shim_command {
	uint16_t field, message_id, responded_id, priority, status, event_type, action_type;
	uint8_t has_data, has_status, has_counts, has_originator;
	char affected_class[65], affected_instance[65], requested_class[65], requested_instance[65];
	char move_destination[17], move_originator[17], error_comment[65];
	uint16_t move_originator_id;
	uint16_t remaining, completed, failed, warning;
	uint32_t offending[SHIM_OFFENDING]; /* Offending Element (0000,0901), the first ones; 0: none or no more */
};
/* Encodes (implicit LE, group length first); returns the length, or SHIM_ELIMIT when room is too small (1024 always do). */
int shim_command_encode(const struct shim_command *c, void *buf, size_t room);
int shim_command_decode(const void *data, size_t n, struct shim_command *out);

/* ---- TLS, by the profile of BCP 195 (PS3.15 B.12): 1.2 with forward secrecy and authenticated encryption, or 1.3 */
typedef struct shim_tls shim_tls;
struct shim_tls_options {              /* PEM files */
	const char *certificate, *key; /* ours; key NULL: in the same file; both NULL: a client without one */
	const char *ca;                /* what certificates of others are proved with; NULL: none is proved */
};
int shim_tls_new(const struct shim_tls_options *o, shim_tls **out);
void shim_tls_free(shim_tls *t); /* associations that were made with it go on; NULL is fine */
/* SHA-256 of the first certificate of a PEM file, 64 hexadecimal digits. */
int shim_certificate_fingerprint(const char *path, char out[65]);

/* ---- associations */
typedef struct shim_assoc shim_assoc;
#define SHIM_EXTENDED_MOST 16
struct shim_context { /* a presentation context */
	uint8_t id;   /* odd */
	char abstract[65];
	/* requestor: what is proposed. acceptor: what the peer proposed (valid until answered) */
	const char *const *syntaxes;
	unsigned n_syntaxes;
	/* SCP/SCU role selection as proposed by the requestor; 1,0 when none was proposed */
	uint8_t role_scu, role_scp;
	/* result */
	uint8_t result;    /* 0 accepted, 1 user rejection, 3 abstract syntax, 4 transfer syntaxes not supported */
	char accepted[65]; /* transfer syntax */
	uint8_t accepted_scu, accepted_scp;
};
struct shim_extended { /* SOP class extended negotiation (PS3.7 D.3.3.5): application information of one class */
	char abstract[65];
	uint8_t n, proposed[SHIM_EXTENDED_MOST];          /* as the requestor sent it, cut when it is longer */
	uint8_t n_accepted, accepted[SHIM_EXTENDED_MOST]; /* the acceptor's answer; n_accepted 0: none is given */
};
struct shim_peer {
	char calling[17], called[17]; /* trimmed */
	char address[64];             /* of the peer: numeric */
	char implementation[65], version[17];
	uint32_t max_pdu; /* what the peer can receive; 0: no limit */
	/* asynchronous operations window (PS3.7 D.3.3.3) as the requestor counts: what it may invoke, and what it performs.
	 * acceptor: as proposed; requestor: as answered. 0: no limit; 1,1 where nothing was said */
	uint16_t max_invoked, max_performed;
	uint8_t has_window;   /* something was said */
	uint8_t tls;          /* the connection is secured */
	uint8_t proved;       /* and the peer's certificate is one of tls's ca (requestor: of that host, too) */
	char certificate[65]; /* SHA-256 of it, 64 hexadecimal digits; "": none was shown */
};
struct shim_assoc_options {
	uint32_t max_pdu_receive; /* 4096..131072: what is announced */
	uint32_t max_pdu_send;    /* upper bound for PDUs sent, besides the peer's own limit */
	uint32_t artim_ms;        /* association establishment */
	uint32_t io_ms;           /* one send or receive making no progress at all for so long fails, SHIM_ETIMEOUT */
	const char *implementation_uid, *implementation_version; /* kept until the association is answered */
	const shim_tls *tls; /* acceptor: only TLS is spoken; requestor: calls with TLS. NULL: plain */
	const char *pin;     /* requestor: the peer's certificate must have this fingerprint; NULL: it must be proved */
};

/* Acceptor: takes over a connected socket (closed whatever happens once *out is set or on failure), reads the
 * A-ASSOCIATE-RQ within artim_ms. */
int shim_assoc_accept(int fd, const struct shim_assoc_options *o, shim_assoc **out);
/* Requestor: connects, proposes, waits for the answer; results are written into contexts[]. */
int shim_assoc_request(const char *host, uint16_t port, const char *calling, const char *called,
		       const struct shim_assoc_options *o, struct shim_context *contexts, unsigned n, shim_assoc **out);
void shim_assoc_peer(const shim_assoc *a, struct shim_peer *out);
/* Acceptor: contexts proposed, 0..n-1; contexts[i] stays owned by a; the caller fills result, accepted, accepted_*. */
unsigned shim_assoc_contexts(shim_assoc *a, struct shim_context **contexts);
/* Likewise: the extended negotiations proposed, the first of each class; the caller fills accepted and n_accepted. */
unsigned shim_assoc_extended(shim_assoc *a, struct shim_extended **items);
/* Acceptor: the window that the acknowledgement is to grant, counted as in shim_peer. Without it, or where the peer
 * proposed none, nothing is said, which means 1,1. */
int shim_assoc_window(shim_assoc *a, uint16_t invoked, uint16_t performed);
int shim_assoc_acknowledge(shim_assoc *a); /* sends A-ASSOCIATE-AC by what is filled in */
/* A-ASSOCIATE-RJ (PS3.8 9.3.4): result 1 permanent, 2 transient; source 1 user, 2 ACSE, 3 presentation; reason. */
int shim_assoc_reject(shim_assoc *a, int result, int source, int reason);

struct shim_pdv {
	uint8_t context;
	uint8_t command, last;
	uint32_t length; /* bytes of value still to be read with shim_assoc_read() */
};
/* Header of the next PDV; what is left unread of the one before is passed over. Waits at most wait_ms for a PDU to
 * begin (0: only look; SHIM_ETIMEOUT when nothing is there). SHIM_ERELEASE, SHIM_EABORTED or SHIM_EPROTO for what is
 * not P-DATA. PDU and PDV lengths are checked before use. */
int shim_assoc_next(shim_assoc *a, uint32_t wait_ms, struct shim_pdv *out);
/* Reads at most n bytes of the current PDV straight into buf (no copy through another buffer): the count, at least 1. */
int64_t shim_assoc_read(shim_assoc *a, void *buf, size_t n);
/* Command set, and with it (data_n > 0) a whole data set that is in memory: one write for all of it. */
int shim_assoc_send(shim_assoc *a, uint8_t context, const void *command, size_t command_n, const void *data,
		    size_t data_n);
/* One piece of a longer data set: cut into PDUs of the agreed size, as few system calls as can be; last marks the end.
 * Pieces of a multiple of (pdu - 6) bytes make full PDUs. */
int shim_assoc_send_data(shim_assoc *a, uint8_t context, const void *data, size_t n, int last);
uint32_t shim_assoc_send_size(const shim_assoc *a); /* payload bytes of a full PDU: agreed PDU - 6 */
int shim_assoc_release(shim_assoc *a);              /* requestor: A-RELEASE-RQ, waits for the answer */
int shim_assoc_release_ack(shim_assoc *a); /* answers SHIM_ERELEASE, then waits shortly for the peer to close */
/* A-ABORT (PS3.8 9.3.8): of the provider, with its reason, where the peer sent a PDU that cannot be; else of the user. */
int shim_assoc_abort(shim_assoc *a);
void shim_assoc_shutdown(shim_assoc *a); /* from any thread: makes what waits on the socket fail with SHIM_ECLOSED */
void shim_assoc_free(shim_assoc *a);     /* closes; NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
