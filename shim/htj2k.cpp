/* shim/htj2k.cpp - OpenJPH's classes kept behind shim/htj2k.h. */
#include "shim/htj2k.h"
#include "shim/assertion.h"
#include "shim/internal.hpp"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include <openjph/ojph_arch.h>
#include <openjph/ojph_file.h>
#include <openjph/ojph_mem.h>

#include <openjph/ojph_codestream.h>
#include <openjph/ojph_message.h>
#include <openjph/ojph_params.h>

namespace
{

using shim::fail;
using shim::guarded;

/* ---- messages
 *
 * Handlers cannot be replaced in the library's 0.9.0 (configure_error() and its like do nothing there), but the streams they print to can:
 * ours keep the first line of each kind for the thread. An error then throws; in its resilient mode the library tells of
 * damage as information. Nothing reaches stderr. */

struct words {
	char text[160];
};
thread_local words wrong, odd;

ssize_t keep(words &w, const char *line, size_t n)
{
	std::string_view text(line, n);
	size_t place = text.find(".cpp:"); /* "ojph error 0x00030051 at file.cpp:12: what happened" */

	if (!w.text[0]) {
		if (place != text.npos && (place = text.find(": ", place)) != text.npos)
			text.remove_prefix(place + 2);
		text = text.substr(0, std::min(text.find('\n'), sizeof w.text - 1));
		std::memcpy(w.text, text.data(), text.size());
		w.text[text.size()] = '\0';
	}
	return static_cast<ssize_t>(n);
}

ssize_t on_error(void *, const char *line, size_t n)
{
	return keep(wrong, line, n);
}
ssize_t on_remark(void *, const char *line, size_t n)
{
	return keep(odd, line, n);
}

FILE *listener(cookie_write_function_t *fn)
{
	FILE *f = fopencookie(nullptr, "w", cookie_io_functions_t{nullptr, fn, nullptr, nullptr});

	if (!f)
		throw std::bad_alloc();
	std::setvbuf(f, nullptr, _IONBF, 0);
	return f;
}

/* As shim_surviving(), for a body of any type. */
template <class Body> int surviving(Body &body)
{
	return shim_surviving([](void *b) { (*static_cast<Body *>(b))(); }, &body);
}

/* What every entry runs in: OpenJPH also throws bare texts, one of them where memory ends. */
template <class Body> int with_library(Body &&body) noexcept
{
	return guarded([&] {
		static const bool told = [] {
			ojph::set_error_stream(listener(on_error));
			ojph::set_warning_stream(listener(on_remark));
			ojph::set_info_stream(listener(on_remark));
			return true;
		}();
		(void)told;
		odd.text[0] = wrong.text[0] = '\0';
		try {
			return body();
		} catch (const std::runtime_error &x) {
			return fail(SHIM_EPARSE, "%s", wrong.text[0] ? wrong.text : x.what());
		} catch (const char *text) {
			return fail(std::strstr(text, "malloc") ? SHIM_ENOMEM : SHIM_EPARSE, "%s", text);
		}
	});
}

/* ---- bytes */

struct full {
};

class sink final : public ojph::outfile_base
{
      public:
	sink(shim_htj2k_write *fn, void *a) : write_(fn), arg(a)
	{
	}
	size_t write(const void *data, size_t n) override
	{
		if (write_(arg, data, n) != 0)
			throw full();
		at += n;
		return n;
	}
	ojph::si64 tell() override
	{
		return static_cast<ojph::si64>(at);
	}

      private:
	shim_htj2k_write *write_;
	void *arg;
	size_t at = 0;
};

constexpr size_t zeros_most = 16 << 20;     /* headers of many empty packets; searching for markers there ends, too */
constexpr size_t code_block_most = 1 << 17; /* a segment's length is of 16 bits, and it has two */

/* Memory to read from. */
class source : public ojph::infile_base
{
      public:
	source(const void *in, size_t size) : data(static_cast<const unsigned char *>(in)), n(size)
	{
	}
	size_t read(void *to, size_t size) override
	{
		size = std::min(size, n - at);
		std::memcpy(to, data + at, size);
		at += size;
		return size;
	}
	int seek(ojph::si64 offset, enum infile_base::seek origin) override
	{
		ojph::si64 to = offset;

		if (origin == OJPH_SEEK_CUR)
			to += static_cast<ojph::si64>(at);
		else if (origin == OJPH_SEEK_END)
			to += static_cast<ojph::si64>(n);
		if (to < 0)
			return -1;
		go(static_cast<size_t>(to));
		return 0;
	}
	ojph::si64 tell() override
	{
		return static_cast<ojph::si64>(at);
	}
	bool eof() override
	{
		return at >= n;
	}

      protected:
	const unsigned char *data;
	size_t n, at = 0;
	virtual void go(size_t to)
	{
		at = std::min(to, n);
	}
};

/* Notes where reading stood before the library first went to a place. */
class watch final : public source
{
      public:
	watch(const void *in, size_t size, size_t p) : source(in, size), place(p)
	{
	}
	size_t seen = 0;

      private:
	size_t place;
	void go(size_t to) override
	{
		if (to == place && seen == 0)
			seen = at;
		source::go(to);
	}
};

/* Tile-parts with zeros behind each: positions in there are those of what follows, which the library only reaches by seeking. */
class padded final : public source
{
      public:
	explicit padded(const shim_htj2k_stream &in) : source(in.data, in.n), s(in), end(in.main_n)
	{
		if (s.parts > 0)
			end += s.lengths[0];
	}
	size_t read(void *to, size_t size) override
	{
		size_t left = at < end ? end - at : 0;

		if (i >= s.parts)
			return source::read(to, size);
		if (size > code_block_most || at > end + n + zeros_most)
			throw std::runtime_error("a code-block of impossible length");
		std::memcpy(to, data + at, std::min(left, size));
		if (left < size)
			std::memset(static_cast<char *>(to) + left, 0, size - left);
		at += size;
		return size;
	}
	bool eof() override
	{
		return i >= s.parts && source::eof();
	}

      private:
	const shim_htj2k_stream &s;
	size_t end, i = 0;
	void go(size_t to) override
	{
		if (i < s.parts && to == end + SHIM_HTJ2K_MORE) {
			at = end;
			if (++i < s.parts)
				end += s.lengths[i];
		} else {
			at = i < s.parts ? to : std::min(to, n); /* zeros follow tile-parts alone */
		}
	}
};

/* ---- encoding */

void describe(ojph::codestream &c, const shim_htj2k &form)
{
	ojph::param_siz siz = c.access_siz();
	ojph::param_cod cod = c.access_cod();

	siz.set_image_extent(ojph::point(form.columns, form.rows));
	siz.set_tile_size(ojph::size(form.columns, form.rows));
	siz.set_num_components(form.components);
	for (unsigned i = 0; i < form.components; i++)
		siz.set_component(i, ojph::point(1, 1), form.depth, form.is_signed != 0);
	cod.set_num_decomposition(form.levels);
	cod.set_block_dims(64, 64);
	cod.set_progression_order("RPCL");
	cod.set_color_transform(form.transform != 0);
	cod.set_reversible(form.step <= 0);
	if (form.step > 0)
		c.access_qcd().set_irrev_quant(form.step);
	c.set_planar(form.transform == 0);
}

void push(ojph::codestream &c, const shim_htj2k &form, shim_htj2k_row *fill, void *arg)
{
	ojph::ui32 component = 0;
	ojph::line_buf *line = c.exchange(nullptr, component);

	if (form.transform) {
		for (uint32_t y = 0; y < form.rows; y++)
			for (unsigned i = 0; i < form.components; i++, line = c.exchange(line, component))
				fill(arg, component, y, line->i32, form.columns);
	} else {
		for (unsigned i = 0; i < form.components; i++)
			for (uint32_t y = 0; y < form.rows; y++, line = c.exchange(line, component))
				fill(arg, component, y, line->i32, form.columns);
	}
}

/* ---- decoding */

/* The rows of each component that were taken. */
using taken = std::vector<uint32_t>;

void pull(ojph::codestream &c, bool planar, taken &next, shim_htj2k_row *take, void *arg)
{
	ojph::param_siz siz = c.access_siz();
	uint64_t lines = 0;

	for (unsigned i = 0; i < next.size(); i++)
		lines += siz.get_recon_height(planar ? i : 0);
	for (; lines > 0; lines--) {
		ojph::ui32 component = 0;
		ojph::line_buf *line = c.pull(component);
		if (!line || component >= next.size())
			break;
		take(arg, component, next[component]++, line->i32, siz.get_recon_width(component));
	}
}

} // namespace

extern "C" int shim_htj2k_encode(const shim_htj2k *form, shim_htj2k_row *fill, shim_htj2k_write *write, void *arg)
{
	if (!form || !fill || !write)
		return SHIM_EINVAL;
	return with_library([&] {
		sink to(write, arg);
		ojph::codestream c;

		try {
			describe(c, *form);
			c.write_headers(&to);
			push(c, *form, fill, arg);
			c.flush();
		} catch (const full &) {
			return fail(SHIM_ELIMIT, "the code stream does not fit");
		}
		return int(SHIM_OK);
	});
}

extern "C" int shim_htj2k_ends(const void *in, size_t n, unsigned levels, uint64_t *ends)
{
	if (!in || !ends || n < 2)
		return SHIM_EINVAL;
	return with_library([&] {
		for (unsigned r = 0; r < levels; r++) {
			watch from(in, n, n - 2); /* the end of the tile-part: what was not asked for is skipped */
			ojph::codestream c;

			c.read_headers(&from);
			c.restrict_input_resolution(levels - r, levels - r);
			c.create();
			if (from.seen == 0)
				return fail(SHIM_EBUG, "the end of resolution %u was not seen", r);
			ends[r] = from.seen;
		}
		return int(SHIM_OK);
	});
}

extern "C" int shim_htj2k_decode(const shim_htj2k_stream *in, unsigned reduce, shim_htj2k_begin *begin,
				 shim_htj2k_row *take, void *arg, char *warning, size_t warning_n)
{
	if (!in || !in->data || in->main_n > in->n || !begin || !take || !warning || warning_n == 0)
		return SHIM_EINVAL;
	warning[0] = '\0';
	return with_library([&] {
		padded from(*in);
		ojph::codestream c;
		taken next;
		bool planar = false;
		int rc;

		auto open = [&] {
			c.enable_resilience();
			c.read_headers(&from);
			c.restrict_input_resolution(reduce, reduce);
			planar = !c.access_cod().is_using_color_transform();
			c.set_planar(planar);
			c.create();
		};
		auto rows = [&] { pull(c, planar, next, take, arg); };
		if ((rc = surviving(open)) != SHIM_OK)
			return rc;
		ojph::param_siz siz = c.access_siz();
		next.resize(siz.get_num_components());
		if (begin(arg, siz.get_recon_width(0), siz.get_recon_height(0)) != 0)
			return fail(SHIM_ELIMIT, "the picture was refused");
		rc = surviving(rows);
		std::snprintf(warning, warning_n, "%s", odd.text);
		return rc;
	});
}
