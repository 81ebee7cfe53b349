/* shim/wire.cpp - a socket with time limits and a small read-ahead buffer. */
#include "shim/internal.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace shim
{

using clock = std::chrono::steady_clock;

static int network_error(const char *what)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return fail(SHIM_ETIMEOUT, "%s: no progress within the time limit", what);
	if (errno == EPIPE || errno == ECONNRESET || errno == EBADF || errno == ENOTCONN)
		return fail(SHIM_ECLOSED, "the peer closed the connection");
	return fail(SHIM_ECLOSED, "%s: %s", what, std::strerror(errno));
}

int Wire::adopt(int fd, uint32_t io_ms)
{
	int one = 1, flags = fcntl(fd, F_GETFL);

	close();
	if (flags < 0)
		return fail(SHIM_EINVAL, "not an open file descriptor: %d", fd);
	fd_ = fd;
	shut_ = false;
	pos_ = end_ = 0;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return fail(SHIM_EINVAL, "not a usable socket: %s", std::strerror(errno));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* a local socket has none, and needs none */
	return patience(io_ms);
}

int Wire::patience(uint32_t io_ms)
{
	struct timeval tv = {};

	io_ms_ = io_ms;
	tv.tv_sec = io_ms / 1000;
	tv.tv_usec = suseconds_t(io_ms % 1000) * 1000;
	if (setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) < 0 ||
	    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) < 0)
		return fail(SHIM_EINVAL, "not a usable socket: %s", std::strerror(errno));
	return SHIM_OK;
}

void Wire::deadline_in(uint32_t ms)
{
	deadline_ = clock::now() + std::chrono::milliseconds(ms);
	limited_ = true;
}

uint32_t Wire::time_left() const
{
	auto left = std::chrono::ceil<std::chrono::milliseconds>(until() - clock::now()).count();

	return uint32_t(std::clamp<long long>(left, 0, 1 << 30));
}

clock::time_point Wire::until() const
{
	return limited_ ? deadline_ : clock::now() + std::chrono::milliseconds(io_ms_);
}

int Wire::not_blocking()
{
	int flags = fcntl(fd_, F_GETFL);

	if (flags < 0 || fcntl(fd_, F_SETFL, flags | O_NONBLOCK) < 0)
		return fail(SHIM_EINVAL, "not a usable socket: %s", std::strerror(errno));
	return SHIM_OK;
}

void Wire::no_deadline()
{
	limited_ = false;
}

/* Many peers leave Nagle's algorithm on and send a PDU in two writes: the second waits for our acknowledgement of the
 * first, which the kernel likes to put off for 40 ms. Asked where the socket was found empty, it goes out now. */
static void acknowledge_now(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

int Wire::wait(uint32_t ms)
{
	if (buffered() || tls_pending())
		return SHIM_OK;
	auto until = clock::now() + std::chrono::milliseconds(ms);
	acknowledge_now(fd_);
	for (;;) {
		if (shut_ || fd_ < 0)
			return fail(SHIM_ECLOSED, "the connection was shut down");
		auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
		struct pollfd p = {fd_, POLLIN, 0};
		int rc = poll(&p, 1, int(std::clamp<long long>(left, 0, 1 << 30)));
		if (rc > 0)
			return SHIM_OK;
		if (rc < 0 && errno != EINTR)
			return network_error("waiting");
		if (rc == 0 || clock::now() >= until)
			return fail(SHIM_ETIMEOUT, "nothing came within %u ms", ms);
	}
}

int Wire::recv_into(struct iovec *v, int n, size_t *got)
{
	for (;;) {
		if (limited_) {
			auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - clock::now()).count();
			int rc = wait(uint32_t(std::clamp<long long>(left, 0, 1 << 30)));
			if (rc == SHIM_ETIMEOUT)
				return fail(rc, "the association was not made within its time limit");
			if (rc < 0)
				return rc;
		}
		if (fd_ < 0)
			return fail(SHIM_ECLOSED, "the connection is closed");
		if (tls_) {
			int64_t r = tls_read(v[0].iov_base, v[0].iov_len, true);
			*got = r > 0 ? size_t(r) : 0;
			return r > 0 ? int(SHIM_OK) : int(r);
		}
		ssize_t r = n == 1 ? ::recv(fd_, v[0].iov_base, v[0].iov_len, 0) : ::readv(fd_, v, n);
		if (r > 0) {
			*got = size_t(r);
			if (*got < v[0].iov_len + (n > 1 ? v[1].iov_len : 0))
				acknowledge_now(fd_);
			return SHIM_OK;
		}
		if (r == 0)
			return fail(SHIM_ECLOSED,
				    shut_ ? "the connection was shut down" : "the peer closed the connection");
		if (errno != EINTR)
			return network_error("receiving");
	}
}

int Wire::look_ahead()
{
	if (pos_ == end_)
		pos_ = end_ = 0;
	if (end_ == AHEAD || fd_ < 0)
		return int(buffered());
	if (tls_) {
		int64_t r = tls_read(buf_ + end_, AHEAD - end_, false);
		if (r > 0)
			end_ += size_t(r);
		return r < 0 && !buffered() ? int(r) : int(buffered());
	}
	for (;;) {
		ssize_t r = ::recv(fd_, buf_ + end_, AHEAD - end_, MSG_DONTWAIT);
		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0 && !buffered())
			return fail(SHIM_ECLOSED, "the peer closed the connection");
		if (r < 0 && errno != EAGAIN && errno != EWOULDBLOCK && !buffered())
			return network_error("receiving");
		if (r > 0) {
			end_ += size_t(r);
			if (end_ < AHEAD)
				acknowledge_now(fd_);
		}
		return int(buffered());
	}
}

int Wire::read_exact(void *buf, size_t n)
{
	auto *out = static_cast<uint8_t *>(buf);

	while (n > 0) {
		if (!buffered()) {
			struct iovec v = {buf_, AHEAD};
			size_t got = 0;
			pos_ = end_ = 0;
			if (int rc = recv_into(&v, 1, &got); rc < 0)
				return rc;
			end_ = got;
		}
		size_t part = std::min(n, buffered());
		std::memcpy(out, buf_ + pos_, part);
		pos_ += part;
		out += part;
		n -= part;
	}
	return SHIM_OK;
}

int64_t Wire::read_some(void *buf, size_t n, size_t ahead)
{
	if (buffered()) {
		size_t part = std::min(n, buffered());
		std::memcpy(buf, buf_ + pos_, part);
		pos_ += part;
		return int64_t(part);
	}
	struct iovec v[2] = {{buf, n}, {buf_, std::min(ahead, AHEAD)}};
	size_t got = 0;
	pos_ = end_ = 0;
	if (int rc = recv_into(v, v[1].iov_len ? 2 : 1, &got); rc < 0)
		return rc;
	if (got <= n)
		return int64_t(got);
	end_ = got - n;
	return int64_t(n);
}

int Wire::write_all(struct iovec *v, size_t n)
{
	constexpr size_t MOST = 512; /* below IOV_MAX */

	if (tls_)
		return fd_ < 0 ? fail(SHIM_ECLOSED, "the connection is closed") : tls_write(v, n);
	while (n > 0) {
		struct msghdr m = {};
		m.msg_iov = v;
		m.msg_iovlen = std::min(n, MOST);
		if (fd_ < 0)
			return fail(SHIM_ECLOSED, "the connection is closed");
		ssize_t r = ::sendmsg(fd_, &m, MSG_NOSIGNAL);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return network_error("sending");
		auto done = size_t(r);
		while (n > 0 && done >= v->iov_len) {
			done -= v->iov_len;
			v++;
			n--;
		}
		if (n > 0) {
			v->iov_base = static_cast<uint8_t *>(v->iov_base) + done;
			v->iov_len -= done;
		}
	}
	return SHIM_OK;
}

int Wire::write_all(const void *data, size_t n)
{
	struct iovec v = {const_cast<void *>(data), n};

	return n ? write_all(&v, 1) : int(SHIM_OK);
}

void Wire::half_close()
{
	tls_goodbye();
	if (fd_ >= 0)
		::shutdown(fd_, SHUT_WR);
}

void Wire::drain(uint32_t ms)
{
	uint8_t waste[4096];
	auto until = clock::now() + std::chrono::milliseconds(ms);

	pos_ = end_ = 0;
	while (fd_ >= 0 && !shut_) {
		auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
		struct pollfd p = {fd_, POLLIN, 0};
		if (left <= 0 || poll(&p, 1, int(left)) <= 0 || ::recv(fd_, waste, sizeof waste, MSG_DONTWAIT) <= 0)
			return;
	}
}

void Wire::shut()
{
	std::lock_guard<std::mutex> hold(closing_);

	shut_ = true;
	if (fd_ >= 0)
		::shutdown(fd_, SHUT_RDWR);
}

void Wire::close()
{
	std::lock_guard<std::mutex> hold(closing_);

	tls_.reset();
	if (fd_ >= 0)
		::close(fd_);
	fd_ = -1;
}

} // namespace shim
