/* Runs a fuzz target without a fuzzer, for make check: every file below seeds/NAME (NAME from the program's name,
 * fuzz_NAME), then mutations of each, the same ones every time. With arguments: runs those files alone, as a fuzzer
 * does to show one finding again.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTATIONS 300
#define SEED_MOST (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t state = 88172645463325252u;

static uint32_t chance(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32) % below;
}

/* Some bytes changed, a piece doubled, or the end cut off. */
static size_t mutate(uint8_t *data, size_t n, size_t room)
{
	static const uint8_t odd[] = {0x00, 0x01, 0x0A, 0x20, 0x5C, 0x5E, 0x7F, 0x80, 0xC0, 0xFE, 0xFF};
	size_t at, len;

	if (n == 0)
		return 0;
	for (uint32_t i = 0, changes = chance(5); i < changes; i++) {
		at = chance((uint32_t)n);
		data[at] = chance(2) ? odd[chance(sizeof odd)] : (uint8_t)(data[at] ^ 1u << chance(8));
	}
	at = chance((uint32_t)n);
	len = 1 + chance((uint32_t)(n - at));
	switch (chance(4)) {
	case 0:
		return at;
	case 1:
		if (n + len > room)
			return n;
		memmove(data + at + len, data + at, n - at);
		return n + len;
	default:
		return n;
	}
}

/* In a block of exactly its size, so that a sanitizer sees one byte too far. */
static void run(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	memcpy(copy, data, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static int run_file(const char *path, int mutations)
{
	static uint8_t seed[SEED_MOST], work[2 * SEED_MOST];
	FILE *f = fopen(path, "rb");
	size_t n, len;

	if (!f) {
		perror(path);
		return -1;
	}
	n = fread(seed, 1, sizeof seed, f);
	fclose(f);
	run(seed, n);
	for (int i = 0; i < mutations; i++) {
		memcpy(work, seed, n);
		len = mutate(work, n, sizeof work);
		run(work, len);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *top = getenv("srcdir"), *name = strstr(argv[0], "fuzz_");
	char folder[512], path[1024];
	struct dirent *entry;
	int files = 0, failed = 0;
	DIR *d;

	for (int i = 1; i < argc; i++)
		failed |= run_file(argv[i], 0) < 0;
	if (argc > 1)
		return failed;
	snprintf(folder, sizeof folder, "%s/tests/fuzz/seeds/%s", top ? top : ".", name ? name + 5 : "");
	if (!(d = opendir(folder))) {
		perror(folder);
		return 1;
	}
	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
		failed |= run_file(path, MUTATIONS) < 0;
		files++;
	}
	closedir(d);
	printf("%d seeds, %d mutations of each\n", files, MUTATIONS);
	return failed || files == 0;
}
