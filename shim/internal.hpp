/* shim/internal.hpp - what the shim's own files share; nobody else includes it.
 *
 * guarded() runs every exported body: nothing thrown leaves it. fail() keeps a sentence for shim_error() and hands the
 * code through. Wire is a socket with time limits and a small read-ahead buffer: DCMTK's upper layer reads and writes
 * through it while an association is made, the shim's own P-DATA code afterwards.
 */
#ifndef SHIM_INTERNAL_HPP
#define SHIM_INTERNAL_HPP

#include "shim/shim.h"

#include <atomic>
#include <bitset>
#include <chrono>
#include <cstdarg>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <sys/uio.h>
#include <vector>

namespace shim
{

void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void forget(); /* an empty sentence, so that an old one is not taken for a new one */

template <class Body> auto guarded(Body &&body) noexcept -> decltype(body())
{
	try {
		forget();
		return body();
	} catch (const std::bad_alloc &) {
		return fail(SHIM_ENOMEM, "out of memory");
	} catch (const std::exception &x) {
		return fail(SHIM_EBUG, "thrown: %s", x.what());
	} catch (...) {
		return fail(SHIM_EBUG, "thrown: something unknown");
	}
}

/* For clean-up calls: they leave the sentence of what went wrong before. */
template <class Body> void quietly(Body &&body) noexcept
{
	try {
		body();
	} catch (...) {
		note("thrown: something unknown");
	}
}

/* Copies text into out, cut to fit, without spaces or NULs at its ends. */
void copy_trimmed(char *out, size_t room, const char *text, size_t n);
template <size_t N> void copy_trimmed(char (&out)[N], const char *text)
{
	copy_trimmed(out, N, text, text ? std::strlen(text) : 0);
}

constexpr uint8_t PDU_ASSOCIATE_RQ = 1, PDU_ASSOCIATE_AC = 2, PDU_ASSOCIATE_RJ = 3, PDU_DATA = 4, PDU_RELEASE_RQ = 5,
		  PDU_RELEASE_RP = 6, PDU_ABORT = 7;

inline uint32_t be32(const uint8_t *p)
{
	return uint32_t(p[0]) << 24 | uint32_t(p[1]) << 16 | uint32_t(p[2]) << 8 | p[3];
}
inline uint16_t be16(const uint8_t *p)
{
	return uint16_t(p[0] << 8 | p[1]);
}
inline void put_be32(uint8_t *p, uint32_t v)
{
	p[0] = uint8_t(v >> 24);
	p[1] = uint8_t(v >> 16);
	p[2] = uint8_t(v >> 8);
	p[3] = uint8_t(v);
}

struct Secure; /* TLS of a connection: tls.cpp */
struct SecureDelete {
	void operator()(Secure *s) const;
};

class Wire
{
      public:
	Wire() = default;
	Wire(const Wire &) = delete;
	Wire &operator=(const Wire &) = delete;
	~Wire()
	{
		close();
	}
	int adopt(int fd, uint32_t io_ms); /* takes over fd, whatever happens */
	int patience(uint32_t io_ms);      /* one send or receive without progress ends after so long */
	int fd() const
	{
		return fd_;
	}
	bool open() const
	{
		return fd_ >= 0;
	}
	/* TLS, before anything else is read or written. host: the name to prove, NULL for a caller. */
	int secure(const struct shim_tls &tls, bool acceptor, const char *host);
	void identity(const struct shim_tls &tls, struct shim_peer &out) const;
	uint32_t time_left() const; /* of the deadline, or the limit of a step: ms */
	/* While a deadline is set reads end there, however lively the peer is. */
	void deadline_in(uint32_t ms);
	void no_deadline();

	size_t buffered() const
	{
		return end_ - pos_;
	}
	const uint8_t *peek() const
	{
		return buf_ + pos_;
	}
	int wait(uint32_t ms); /* until something can be read; SHIM_ETIMEOUT */
	int look_ahead();      /* takes what has come, without waiting: bytes buffered or SHIM_E* */
	int read_exact(void *buf, size_t n);
	/* At least one byte, straight into buf; `ahead` more bytes may go into the buffer with the same system call. */
	int64_t read_some(void *buf, size_t n, size_t ahead);
	int write_all(struct iovec *v, size_t n); /* changes v */
	int write_all(const void *data, size_t n);
	void half_close();       /* nothing more is sent */
	void drain(uint32_t ms); /* passes over what comes until the peer closes */
	void shut();             /* from any thread */
	void close();
	static constexpr size_t AHEAD = 4096;

      private:
	int recv_into(struct iovec *v, int n, size_t *got);
	int not_blocking();
	std::chrono::steady_clock::time_point until() const; /* when what begins now must be done */
	bool tls_pending() const;
	int64_t tls_read(void *buf, size_t n, bool wait); /* 0: nothing there, where it does not wait */
	int tls_write(const void *data, size_t n);
	int tls_write(const struct iovec *v, size_t n);
	void tls_goodbye();
	std::unique_ptr<Secure, SecureDelete> tls_;
	uint32_t io_ms_ = 0;
	int fd_ = -1;
	std::mutex closing_;
	std::atomic<bool> shut_{false};
	bool limited_ = false;
	std::chrono::steady_clock::time_point deadline_;
	size_t pos_ = 0, end_ = 0;
	uint8_t buf_[AHEAD];
};

/* Reads one whole PDU of association establishment, header included, into pdu; its size is bounded. */
int read_associate_pdu(Wire &wire, std::vector<uint8_t> &pdu);

/* Does what an A-ASSOCIATE-RQ or -AC says hold together? Every length is inside the one around it, context ids are odd
 * and single, titles and UIDs are text. DCMTK sees it only after that. window: what was proposed, 1,1 by default. */
struct Window {
	uint16_t invoked = 1, performed = 1;
	bool said = false;
};
int check_associate(const std::vector<uint8_t> &pdu, Window &window);
/* Puts a window into an A-ASSOCIATE-AC that DCMTK made, among its user items in order of their types. */
int add_window(std::vector<uint8_t> &pdu, const Window &window);

} // namespace shim

struct T_ASC_Association;
struct T_ASC_Network;
struct T_ASC_Parameters;

namespace shim
{
/* One try at an association in DCMTK's hands: its network, association and the layer that leads it to our Wire. */
class Toolkit
{
      public:
	explicit Toolkit(Wire &wire, uint32_t artim_ms);
	int (*connected)(void *arg, Wire &wire) = nullptr; /* requestor: before anything is sent */
	void *connected_arg = nullptr;
	~Toolkit();
	int accept(std::vector<uint8_t> &&pdu); /* the A-ASSOCIATE-RQ, read and checked */
	int request(T_ASC_Parameters *params);  /* consumes params */
	T_ASC_Parameters *params();
	T_ASC_Association *association()
	{
		return asc_;
	}
	Window window; /* the peer's */
	Window grant;  /* acceptor: ours */

      private:
	class Layer;
	class Connection;
	void take(int fd);
	Wire &wire_;
	uint32_t artim_ms_;
	std::vector<uint8_t> pdu_;
	size_t taken_ = 0;
	int trouble_ = 0; /* why reading for DCMTK failed */
	char trouble_text_[240];
	bool request_ = false;
	T_ASC_Network *net_ = nullptr;
	T_ASC_Association *asc_ = nullptr;
};

int network_setup();
} // namespace shim

struct shim_assoc {
	shim::Wire wire;
	struct shim_assoc_options options {
	};
	struct shim_peer peer {
	};
	bool acceptor = false, established = false, ended = false;
	uint32_t send_size = 0;
	std::bitset<256> accepted;
	std::vector<struct shim_context> contexts;
	std::vector<struct shim_extended> extended;   /* until the request is answered */
	std::vector<std::vector<const char *>> lists; /* syntaxes of contexts[i] */
	std::deque<std::string> texts;
	std::unique_ptr<shim::Toolkit> toolkit; /* only until the request is answered */
	uint32_t pdu_left = 0, pdv_left = 0;
	bool pdv_last = false;
	int broken = 0; /* reason of the abort that must follow what the peer sent (PS3.8 table 9-26); 0: nothing */
};

namespace shim
{
int check_options(const struct shim_assoc_options *o);
void read_address(int fd, char *out, size_t room);
/* The payload of a full PDU, by the peer's limit and ours; SHIM_EPROTO when no data would fit. */
int settle_size(shim_assoc &a);
void reject_now(Wire &wire, int result, int source, int reason);
/* Source 0: the user of the association, 2: the upper layer itself (reasons: PS3.8 table 9-26). */
void abort_now(Wire &wire, int source, int reason);
} // namespace shim
#endif
