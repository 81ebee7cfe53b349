/* How two pictures differ: picture_compare A B, each PNG, or PGM or PPM of 8 bits. Prints one line:
 * width height samples of each, the greatest difference of a sample, how many differ by more than 1, how many there are. */
#include <png.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct picture {
	unsigned width, height, samples;
	uint8_t *data;
};

static void fail(const char *path, const char *why)
{
	fprintf(stderr, "%s: %s\n", path, why);
	exit(1);
}

static struct picture read_png(const char *path)
{
	png_image image = {.version = PNG_IMAGE_VERSION};

	if (!png_image_begin_read_from_file(&image, path))
		fail(path, image.message);
	struct picture p = {image.width, image.height, image.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1, NULL};
	image.format = p.samples == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
	if (!(p.data = malloc(PNG_IMAGE_SIZE(image))) || !png_image_finish_read(&image, NULL, p.data, 0, NULL))
		fail(path, image.message);
	return p;
}

static unsigned number(FILE *f)
{
	unsigned n = 0;
	int c = fgetc(f);

	while (c == ' ' || c == '\n' || c == '#') {
		while (c == '#' && (c = fgetc(f)) != '\n' && c != EOF)
			c = '#';
		c = fgetc(f);
	}
	for (; c >= '0' && c <= '9'; c = fgetc(f))
		n = n * 10 + (unsigned)(c - '0');
	return n;
}

static struct picture read_pnm(const char *path, FILE *f)
{
	struct picture p = {.samples = fgetc(f) == '6' ? 3 : 1};

	p.width = number(f);
	p.height = number(f);
	if (number(f) != 255 || p.width > 65535 || p.height > 65535)
		fail(path, "no picture of 8 bits");
	size_t n = (size_t)p.width * p.height * p.samples;
	if (!(p.data = malloc(n ? n : 1)) || fread(p.data, 1, n, f) != n)
		fail(path, "ends early");
	return p;
}

static struct picture read_picture(const char *path)
{
	FILE *f = fopen(path, "rb");

	if (!f)
		fail(path, "cannot be opened");
	if (fgetc(f) != 'P') {
		fclose(f);
		return read_png(path);
	}
	struct picture p = read_pnm(path, f);
	fclose(f);
	return p;
}

int main(int argc, char **argv)
{
	unsigned most = 0;
	size_t more = 0, n = 0;

	if (argc != 3)
		return 2;
	struct picture a = read_picture(argv[1]), b = read_picture(argv[2]);
	if (a.width == b.width && a.height == b.height && a.samples == b.samples)
		n = (size_t)a.width * a.height * a.samples;
	for (size_t i = 0; i < n; i++) {
		unsigned d = (unsigned)abs(a.data[i] - b.data[i]);
		most = d > most ? d : most;
		more += d > 1;
	}
	printf("%u %u %u %u %u %u %u %zu %zu\n", a.width, a.height, a.samples, b.width, b.height, b.samples, most, more,
	       n);
	free(a.data);
	free(b.data);
	return 0;
}
