/* Runs a fuzz target over committed inputs (tests/fuzz/corpus.py), without libFuzzer: replay FILE... Says how many there were,
 * and which one it was when a sanitizer ends the process. Fails when there are none. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static int inputs;

static void say_input(void)
{
	fprintf(stderr, "input: committed-%d\n", inputs);
}

static void run_input(const char *bytes, size_t n)
{
	AUTO_FREE uint8_t *exact = xmemdup(bytes, n); /* so that one byte too far is one outside */
	inputs++;
	LLVMFuzzerTestOneInput(exact, n);
}

static int run_file(const char *path, struct err *e)
{
	AUTO_STR text = STR_INIT;
	int r = fs_read_file(path, 1 << 20, &text, e);
	if (r < 0)
		return r;
	for (const char *p = str_text(&text), *end = p + text.len; p < end;) {
		char *bytes;
		size_t n = strtoul(p, &bytes, 10);
		if (*bytes != '\n' || n > (size_t)(end - bytes - 1))
			return err_set(e, -1, "%s: a length makes no sense", path);
		run_input(bytes + 1, n);
		p = bytes + 1 + n;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(say_input);
	for (int i = 1; i < argc; i++)
		if (run_file(argv[i], &e) < 0)
			fprintf(stderr, "%s\n", err_text(&e));
	printf("%d inputs\n", inputs);
	return inputs && !e.code ? 0 : 1;
}
