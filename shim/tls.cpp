/* shim/tls.cpp - TLS under an association, by OpenSSL: the profile of BCP 195 (RFC 9325; PS3.15 B.12, B.13).
 *
 * The socket does not block: each step waits with poll for at most the wire's time limit, however slowly a peer hands out
 * the bytes of a record.
 */
#include "shim/internal.hpp"

#include <algorithm>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

/* TLS 1.2: only forward secrecy with authenticated encryption (RFC 9325 4.2); TLS 1.3 has no others. */
static constexpr char CIPHERS[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:"
    "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "DHE-RSA-AES128-GCM-SHA256:DHE-RSA-AES256-GCM-SHA384";

struct shim_tls {
	SSL_CTX *context = nullptr;
	bool ca = false; /* certificates of others can be proved */
	~shim_tls()
	{
		SSL_CTX_free(context);
	}
};

namespace shim
{

static int tls_error(const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : nullptr;

	ERR_clear_error();
	return fail(SHIM_ECLOSED, "TLS: %s%s%s", what, reason ? ": " : "", reason ? reason : "");
}

/* Whoever is not proved is not cut off here: who it may be is decided by its fingerprint, too. */
static int take_any(int, X509_STORE_CTX *)
{
	return 1;
}

static int make_context(shim_tls &t, const shim_tls_options &o)
{
	if (!(t.context = SSL_CTX_new(TLS_method())))
		return tls_error("no context");
	SSL_CTX_set_min_proto_version(t.context, TLS1_2_VERSION);
	/* No resuming: an association lives long, and a caller is to prove itself each time. */
	SSL_CTX_set_options(t.context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
	SSL_CTX_set_mode(t.context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(t.context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(t.context, 0);
	SSL_CTX_set_dh_auto(t.context, 1);
	SSL_CTX_set_verify(t.context, SSL_VERIFY_PEER, take_any);
	if (SSL_CTX_set_cipher_list(t.context, CIPHERS) != 1)
		return tls_error("ciphers");
	if (o.ca) {
		if (SSL_CTX_load_verify_file(t.context, o.ca) != 1) {
			ERR_clear_error();
			return fail(SHIM_EIO, "no certificates can be read from %s", o.ca);
		}
		t.ca = true;
	}
	if (!o.certificate)
		return SHIM_OK;
	const char *key = o.key ? o.key : o.certificate;
	if (SSL_CTX_use_certificate_chain_file(t.context, o.certificate) != 1) {
		ERR_clear_error();
		return fail(SHIM_EIO, "no certificate can be read from %s", o.certificate);
	}
	if (SSL_CTX_use_PrivateKey_file(t.context, key, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_check_private_key(t.context) != 1) {
		ERR_clear_error();
		return fail(SHIM_EIO, "the key in %s cannot be read, or is not that of %s", key, o.certificate);
	}
	return SHIM_OK;
}

static int fingerprint(const X509 *certificate, char out[65])
{
	static constexpr char hex[] = "0123456789abcdef";
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	out[0] = '\0';
	if (!certificate || X509_digest(certificate, EVP_sha256(), sum, &n) != 1 || n != 32)
		return fail(SHIM_EINVAL, "no certificate");
	for (unsigned i = 0; i < n; i++) {
		out[2 * i] = hex[sum[i] >> 4];
		out[2 * i + 1] = hex[sum[i] & 15];
	}
	out[64] = '\0';
	return SHIM_OK;
}

/* ---- a wire with TLS on it */

struct Secure {
	SSL *ssl = nullptr;
	~Secure()
	{
		SSL_free(ssl);
	}
};
void SecureDelete::operator()(Secure *s) const
{
	delete s;
}

/* Waits as OpenSSL asks, until `until`. SHIM_OK: try again. */
static int await(SSL *ssl, int rc, int fd, std::chrono::steady_clock::time_point until, const char *what)
{
	const int why = SSL_get_error(ssl, rc);

	if (why == SSL_ERROR_ZERO_RETURN || why == SSL_ERROR_SYSCALL) {
		ERR_clear_error();
		return fail(SHIM_ECLOSED, "the peer closed the connection");
	}
	if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		return tls_error(what);
	auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
	struct pollfd p = {fd, short(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT), 0};
	if (left <= 0 || poll(&p, 1, int(std::min<long long>(left, 1 << 30))) == 0)
		return fail(SHIM_ETIMEOUT, "%s: no progress within the time limit", what);
	return SHIM_OK;
}

/* What a client says first: a TLS record of type handshake. Another first byte is told apart while it can be. */
static int check_hello(Wire &wire, int fd)
{
	uint8_t first = 0;

	if (int rc = wire.wait(wire.time_left()); rc < 0)
		return rc;
	if (::recv(fd, &first, 1, MSG_PEEK) != 1)
		return fail(SHIM_ECLOSED, "the peer closed the connection before TLS was agreed on");
	if (first == PDU_ASSOCIATE_RQ)
		return fail(SHIM_EPROTO, "a DICOM association without TLS on the port for TLS");
	return first == 0x16 ? int(SHIM_OK)
			     : fail(SHIM_EPROTO, "first byte 0x%02X where a TLS handshake is due", first);
}

int Wire::secure(const shim_tls &tls, bool acceptor, const char *host)
{
	if (acceptor)
		if (int rc = check_hello(*this, fd_); rc < 0)
			return rc;
	if (int rc = not_blocking(); rc < 0)
		return rc;
	ERR_clear_error();
	tls_.reset(new Secure);
	if (!(tls_->ssl = SSL_new(tls.context)) || SSL_set_fd(tls_->ssl, fd_) != 1)
		return tls_error("no connection");
	if (!acceptor && host) {
		SSL_set_tlsext_host_name(tls_->ssl, host);
		if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls_->ssl), host) != 1)
			SSL_set1_host(tls_->ssl, host);
		ERR_clear_error();
	}
	for (;;) {
		int rc = acceptor ? SSL_accept(tls_->ssl) : SSL_connect(tls_->ssl);
		if (rc == 1)
			return SHIM_OK;
		if ((rc = await(tls_->ssl, rc, fd_, until(), "the handshake failed")) < 0)
			return rc;
	}
}

void Wire::identity(const shim_tls &tls, struct shim_peer &out) const
{
	X509 *certificate = tls_ ? SSL_get0_peer_certificate(tls_->ssl) : nullptr;

	out.tls = tls_ != nullptr;
	out.certificate[0] = '\0';
	if (!certificate)
		return;
	(void)fingerprint(certificate, out.certificate);
	out.proved = tls.ca && SSL_get_verify_result(tls_->ssl) == X509_V_OK;
}

bool Wire::tls_pending() const
{
	return tls_ && SSL_pending(tls_->ssl) > 0;
}

int64_t Wire::tls_read(void *buf, size_t n, bool wait)
{
	const auto end = until();

	for (;;) {
		size_t got = 0;
		ERR_clear_error();
		int rc = SSL_read_ex(tls_->ssl, buf, n, &got);
		if (rc == 1)
			return int64_t(got);
		if (!wait && SSL_get_error(tls_->ssl, rc) == SSL_ERROR_WANT_READ)
			return 0;
		if (shut_)
			return fail(SHIM_ECLOSED, "the connection was shut down");
		if ((rc = await(tls_->ssl, rc, fd_, end, "receiving")) < 0)
			return rc;
	}
}

int Wire::tls_write(const void *data, size_t n)
{
	const auto *p = static_cast<const uint8_t *>(data);

	while (n > 0) {
		size_t done = 0;
		ERR_clear_error();
		int rc = SSL_write_ex(tls_->ssl, p, n, &done);
		if (rc == 1) {
			p += done;
			n -= done;
		} else if ((rc = await(tls_->ssl, rc, fd_, until(), "sending")) < 0) {
			return rc;
		}
	}
	return SHIM_OK;
}

/* Small headers and large pieces become records of full size. */
int Wire::tls_write(const struct iovec *v, size_t n)
{
	uint8_t record[16384];
	size_t have = 0;

	for (size_t i = 0; i < n; i++) {
		const auto *p = static_cast<const uint8_t *>(v[i].iov_base);
		for (size_t left = v[i].iov_len, part; left > 0; p += part, left -= part) {
			part = std::min(left, sizeof record - have);
			std::memcpy(record + have, p, part);
			have += part;
			if (have == sizeof record) {
				if (int rc = tls_write(record, have); rc < 0)
					return rc;
				have = 0;
			}
		}
	}
	return tls_write(record, have);
}

void Wire::tls_goodbye()
{
	if (tls_ && SSL_is_init_finished(tls_->ssl))
		(void)SSL_shutdown(tls_->ssl);
	ERR_clear_error();
}

} // namespace shim

using namespace shim;

extern "C" int shim_tls_new(const struct shim_tls_options *o, shim_tls **out)
{
	return guarded([&] {
		if (!o || !out)
			return fail(SHIM_EINVAL, "no options");
		auto t = std::make_unique<shim_tls>();
		int rc = make_context(*t, *o);
		if (rc == SHIM_OK)
			*out = t.release();
		return rc;
	});
}

extern "C" void shim_tls_free(shim_tls *t)
{
	quietly([&] { delete t; });
}

extern "C" int shim_certificate_fingerprint(const char *path, char out[65])
{
	return guarded([&] {
		std::unique_ptr<BIO, int (*)(BIO *)> file(BIO_new_file(path, "r"), BIO_free);
		std::unique_ptr<X509, void (*)(X509 *)> x(
		    file ? PEM_read_bio_X509(file.get(), nullptr, nullptr, nullptr) : nullptr, X509_free);
		ERR_clear_error();
		if (!x)
			return fail(SHIM_EIO, "no certificate (PEM) can be read from %s", path);
		return fingerprint(x.get(), out);
	});
}
