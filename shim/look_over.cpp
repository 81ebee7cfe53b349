/* shim/look_over.cpp - walks a data set's outline before DCMTK reads it (PS3.5 7.1, 7.5, A.5; PS3.10 7.1).
 *
 * DCMTK descends into sequences by recursion and inflates without a limit. This walk keeps its own short stack, reads
 * headers only, and refuses what is nested too deep, longer than its file, or opens to far more than it is.
 */
#include "dcmtk/config/osconfig.h"

#include "dcmtk/dcmdata/dcdicent.h"
#include "dcmtk/dcmdata/dcdict.h"
#include "dcmtk/dcmdata/dctagkey.h"
#include "dcmtk/dcmdata/dcvr.h"

#include "shim/dataset.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <zlib.h>

namespace shim
{

static constexpr size_t DEPTH_MOST = 64, CREATORS_MOST = 256;
static constexpr uint64_t INFLATED_MOST = 512u << 20, ELEMENTS_MOST = 4u << 20;
static constexpr uint32_t UNDEFINED = 0xffffffffu;
static constexpr char DEFLATED[] = "1.2.840.10008.1.2.1.99", IMPLICIT[] = "1.2.840.10008.1.2",
		      BIG_ENDIAN_SYNTAX[] = "1.2.840.10008.1.2.2";

/* Bytes front to back. get() returns how many there were; skip() false when the end comes first. */
struct Source {
	virtual ~Source() = default;
	virtual size_t get(void *buf, size_t n) = 0;
	virtual bool skip(uint64_t n) = 0;
};

class FileSource final : public Source
{
      public:
	explicit FileSource(FILE *f) : f_(f)
	{
		fseeko(f_, 0, SEEK_END);
		size_ = uint64_t(ftello(f_));
		rewind(f_);
	}
	size_t get(void *buf, size_t n) override
	{
		return fread(buf, 1, n, f_);
	}
	bool skip(uint64_t n) override
	{
		const auto at = uint64_t(ftello(f_));
		return n <= size_ - std::min(at, size_) && fseeko(f_, off_t(n), SEEK_CUR) == 0;
	}
	void seek(uint64_t at)
	{
		fseeko(f_, off_t(at), SEEK_SET);
	}
	uint64_t tell()
	{
		return uint64_t(ftello(f_));
	}

      private:
	FILE *f_;
	uint64_t size_;
};

class MemorySource final : public Source
{
      public:
	MemorySource(const void *p, size_t n) : p_(static_cast<const uint8_t *>(p)), n_(n)
	{
	}
	size_t get(void *buf, size_t n) override
	{
		n = std::min(n, n_);
		if (n)
			std::memcpy(buf, p_, n);
		p_ += n;
		n_ -= n;
		return n;
	}
	bool skip(uint64_t n) override
	{
		if (n > n_)
			return false;
		p_ += n;
		n_ -= size_t(n);
		return true;
	}

      private:
	const uint8_t *p_;
	size_t n_;
};

class InflateSource final : public Source
{
      public:
	explicit InflateSource(Source &in) : in_(in)
	{
		ok_ = inflateInit2(&z_, -15) == Z_OK;
	}
	~InflateSource() override
	{
		if (ok_)
			inflateEnd(&z_);
	}
	size_t get(void *buf, size_t n) override
	{
		z_.next_out = static_cast<Bytef *>(buf);
		z_.avail_out = uInt(n);
		while (ok_ && !done_ && z_.avail_out > 0 && total_ <= INFLATED_MOST) {
			if (z_.avail_in == 0) {
				z_.next_in = room_;
				z_.avail_in = uInt(in_.get(room_, sizeof room_));
			}
			const uInt before = z_.avail_out;
			const int rc = inflate(&z_, Z_NO_FLUSH);
			total_ += before - z_.avail_out;
			done_ = rc != Z_OK || (z_.avail_in == 0 && before == z_.avail_out);
		}
		return n - z_.avail_out;
	}
	bool skip(uint64_t n) override
	{
		uint8_t waste[16384];
		while (n > 0) {
			size_t part = size_t(std::min<uint64_t>(n, sizeof waste));
			if (get(waste, part) != part)
				return false;
			n -= part;
		}
		return true;
	}
	bool too_much() const
	{
		return total_ > INFLATED_MOST;
	}

      private:
	Source &in_;
	z_stream z_ = {};
	bool ok_ = false, done_ = false;
	uint64_t total_ = 0;
	uint8_t room_[16384];
};

struct Header {
	uint16_t group, element;
	char vr[3];
	uint32_t length;
};

struct Creator { /* who reserved a block of private elements (PS3.5 7.8.1) */
	uint16_t group, block;
	std::string name;
};

struct Frame {
	uint64_t end; /* UINT64_MAX: up to its delimiter */
	bool item, is_explicit, big, pixels;
	std::vector<Creator> creators;
};

class Walk
{
      public:
	Walk(Source &in, bool is_explicit, bool big) : in_(in)
	{
		stack_.push_back({UINT64_MAX, true, is_explicit, big, false, {}});
	}
	int run();

      private:
	int header(Header &h, bool *end);
	int value(const Header &h);
	int delimiter(const Header &h);
	int pass(const Header &h);
	int open(const Header &h, bool item, bool pixels, bool implicit);
	uint16_t two(const uint8_t *p) const
	{
		return stack_.back().big ? uint16_t(p[0] << 8 | p[1]) : uint16_t(p[1] << 8 | p[0]);
	}
	uint32_t four(const uint8_t *p) const
	{
		return stack_.back().big ? be32(p)
					 : uint32_t(p[3]) << 24 | uint32_t(p[2]) << 16 | uint32_t(p[1]) << 8 | p[0];
	}
	Source &in_;
	uint64_t at_ = 0;
	std::vector<Frame> stack_;
};

/* Two letters as DCMTK takes them: internal names such as "ox" count, too. */
static bool long_form(const char *vr)
{
	return DcmVR(vr).usesExtendedLengthEncoding();
}

int Walk::header(Header &h, bool *end)
{
	uint8_t b[12];
	size_t n = in_.get(b, 8);

	*end = n == 0 && stack_.size() == 1;
	if (*end)
		return SHIM_OK;
	if (n != 8)
		return fail(SHIM_EPARSE, "data ends inside an element header, at %llu",
			    static_cast<unsigned long long>(at_));
	h = {two(b), two(b + 2), "", four(b + 4)};
	at_ += 8;
	if (h.group == 0xfffe && h.element != 0xe000 && h.element != 0xe00d && h.element != 0xe0dd)
		return fail(SHIM_EPARSE, "element (FFFE,%04X)", h.element);
	if (!stack_.back().is_explicit || h.group == 0xfffe)
		return SHIM_OK;
	h.vr[0] = char(b[4]);
	h.vr[1] = char(b[5]);
	if (DcmVR(h.vr).getEVR() == EVR_na)
		return fail(SHIM_EPARSE, "element (%04X,%04X) says to be an item", h.group, h.element);
	h.length = two(b + 6);
	if (!long_form(h.vr))
		return SHIM_OK;
	if (in_.get(b + 8, 4) != 4)
		return fail(SHIM_EPARSE, "data ends inside an element header, at %llu",
			    static_cast<unsigned long long>(at_));
	h.length = four(b + 8);
	at_ += 4;
	return SHIM_OK;
}

int Walk::open(const Header &h, bool item, bool pixels, bool implicit)
{
	const Frame &in = stack_.back();
	Frame f = {h.length == UNDEFINED ? UINT64_MAX : at_ + h.length,
		   item,
		   in.is_explicit && !implicit,
		   in.big && !implicit,
		   pixels,
		   {}};

	if (stack_.size() >= 2 * DEPTH_MOST)
		return fail(SHIM_ELIMIT, "sequences nested deeper than %zu", DEPTH_MOST);
	stack_.push_back(std::move(f));
	return SHIM_OK;
}

static bool sequence_for(const Header &h, const char *creator)
{
	const DcmDataDictionary &dict = dcmDataDict.rdlock();
	const DcmDictEntry *e = dict.findEntry(DcmTagKey(h.group, h.element), creator);
	const bool is = e && e->getEVR() == EVR_SQ;

	dcmDataDict.rdunlock();
	return is;
}

/* DCMTK's dictionary has private sequences, too, each by the name of its creator. */
static bool sequence_by_dictionary(const Header &h, const Frame &in)
{
	if (h.group % 2 == 0 || h.element < 0x1000)
		return sequence_for(h, nullptr);
	return std::any_of(in.creators.begin(), in.creators.end(), [&](const Creator &c) {
		return c.group == h.group && c.block == h.element >> 8 && sequence_for(h, c.name.c_str());
	});
}

/* The value of an element that holds no others; the name of a private creator is kept. */
int Walk::pass(const Header &h)
{
	std::vector<Creator> &known = stack_.back().creators;
	const bool creator = h.group % 2 && h.element >= 0x10 && h.element <= 0xff && !stack_.back().is_explicit;
	char value[64], name[65] = "";
	size_t n = creator ? std::min<size_t>(h.length, sizeof value) : 0;

	if (creator && known.size() >= CREATORS_MOST)
		return fail(SHIM_ELIMIT, "more than %zu private creators in one data set or item", CREATORS_MOST);
	if ((n && in_.get(value, n) != n) || !in_.skip(h.length - n))
		return fail(SHIM_EPARSE, "data ends inside element (%04X,%04X) of %u bytes", h.group, h.element,
			    h.length);
	at_ += h.length;
	copy_trimmed(name, sizeof name, value, n);
	if (creator)
		known.push_back({h.group, h.element, name});
	return SHIM_OK;
}

/* Has what DCMTK makes of it fragments instead of items with elements? */
static bool in_fragments(const Header &h, bool is_explicit)
{
	static const char *const bytes[] = {"OB", "OW"}, *const pixels[] = {"OX", "ox", "px"};
	const auto named = [&](const char *vr) { return !std::strcmp(h.vr, vr); };

	if (is_explicit && std::any_of(std::begin(bytes), std::end(bytes), named))
		return true;
	return h.group == 0x7fe0 && h.element == 0x0010 &&
	       (!is_explicit || std::any_of(std::begin(pixels), std::end(pixels), named));
}

/* What DCMTK does not know holds items in implicit VR when it has no length (PS3.5 6.2.2). */
static bool unknown(const Header &h)
{
	const DcmEVR vr = DcmVR(h.vr).getEVR();

	return vr == EVR_UN || vr == EVR_UNKNOWN || vr == EVR_UNKNOWN2B;
}

/* A delimiter ends the level that it belongs to. One that is superfluous is passed over, as DCMTK does. */
int Walk::delimiter(const Header &h)
{
	const Frame &top = stack_.back();

	if (stack_.size() == 1)
		return SHIM_OK;
	if (top.item != (h.element == 0xe00d) || (top.end != UINT64_MAX && at_ < top.end))
		return fail(SHIM_EPARSE, "delimiter (FFFE,%04X) where none is due", h.element);
	stack_.pop_back();
	return SHIM_OK;
}

int Walk::value(const Header &h)
{
	const Frame &top = stack_.back();

	if (top.item && top.end != UINT64_MAX && h.length != UNDEFINED && at_ + h.length > top.end)
		return fail(SHIM_EPARSE, "element (%04X,%04X) is longer than the item around it", h.group, h.element);
	if (h.group == 0xfffe && h.element == 0xe000 && !top.item && !top.pixels)
		return open(h, true, false, false);
	if (h.group == 0xfffe && h.element != 0xe000)
		return delimiter(h);
	if (h.group != 0xfffe && h.length == UNDEFINED)
		return open(h, false, in_fragments(h, top.is_explicit), top.is_explicit && unknown(h));
	if (h.length == UNDEFINED)
		return fail(SHIM_EPARSE, "an item of undefined length where none can be");
	if (!std::strcmp(h.vr, "SQ") || (h.group != 0xfffe && !top.is_explicit && sequence_by_dictionary(h, top)))
		return open(h, false, false, false);
	return pass(h);
}

int Walk::run()
{
	for (uint64_t n = 0; n < ELEMENTS_MOST; n++) {
		Header h;
		bool end;
		while (stack_.size() > 1 && at_ >= stack_.back().end)
			stack_.pop_back();
		int rc = header(h, &end);
		if (rc < 0 || end)
			return rc;
		if ((rc = value(h)) < 0)
			return rc;
	}
	return fail(SHIM_ELIMIT, "more than %llu elements", static_cast<unsigned long long>(ELEMENTS_MOST));
}

static int walk(Source &in, const char *syntax)
{
	if (!std::strcmp(syntax, DEFLATED)) {
		InflateSource inflated(in);
		int rc = Walk(inflated, true, false).run();
		return inflated.too_much() ? fail(SHIM_ELIMIT, "a deflated data set opens to more than 512 MiB") : rc;
	}
	return Walk(in, std::strcmp(syntax, IMPLICIT) != 0, !std::strcmp(syntax, BIG_ENDIAN_SYNTAX)).run();
}

/* The file meta group is explicit VR little endian, whatever follows. Leaves in at the data set. */
static int read_meta(FileSource &in, char (&syntax)[65])
{
	for (;;) {
		uint8_t b[12];
		char value[64];
		const uint64_t start = in.tell();
		const size_t n = in.get(b, 8);
		if (n < 8 || b[0] != 2 || b[1] != 0) {
			in.seek(start);
			return SHIM_OK;
		}
		const char vr[3] = {char(b[4]), char(b[5]), 0};
		uint32_t length = uint32_t(b[6] | b[7] << 8);
		if (long_form(vr)) {
			if (in.get(b + 8, 4) != 4)
				return fail(SHIM_EPARSE, "data ends inside the file meta group");
			length = uint32_t(b[11]) << 24 | uint32_t(b[10]) << 16 | uint32_t(b[9]) << 8 | b[8];
		}
		if (b[2] == 0x10 && b[3] == 0 && length <= sizeof value) {
			copy_trimmed(syntax, sizeof syntax, value, in.get(value, length));
		} else if (!in.skip(length)) {
			return fail(SHIM_EPARSE, "data ends inside the file meta group");
		}
	}
}

/* A data set without a file header: its first element shows its syntax. */
static void guess_syntax(const uint8_t *b, char (&syntax)[65])
{
	const bool letters = b[4] >= 'A' && b[4] <= 'Z' && b[5] >= 'A' && b[5] <= 'Z';

	copy_trimmed(syntax, !letters ? IMPLICIT : b[0] == 0 && b[1] != 0 ? BIG_ENDIAN_SYNTAX : "explicit");
}

int look_over_file(const char *path, char (&syntax)[65])
{
	uint8_t head[132] = {};
	std::unique_ptr<FILE, int (*)(FILE *)> f(fopen(path, "rbe"), fclose);

	syntax[0] = '\0';
	if (!f)
		return fail(SHIM_EIO, "%s", std::strerror(errno));
	FileSource in(f.get());
	const bool part10 = in.get(head, sizeof head) == sizeof head && !std::memcmp(head + 128, "DICM", 4);
	if (part10) {
		if (int rc = read_meta(in, syntax); rc < 0)
			return rc;
	} else {
		in.seek(0);
		guess_syntax(head, syntax);
	}
	return walk(in, syntax);
}

int look_over_memory(const void *data, size_t n, const char *syntax)
{
	MemorySource in(data, n);

	return walk(in, syntax);
}

} // namespace shim
