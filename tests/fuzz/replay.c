/* Runs a fuzz target over files and directories of inputs, without libFuzzer: replay PATH... Says how many there were, and
 * which one it was when a sanitizer ends the process. Fails when there are none. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static char current[4096];
static int inputs;

static void say_input(void)
{
	fprintf(stderr, "input: %s\n", current);
}

static void run_file(const char *path)
{
	AUTO_STR text = STR_INIT;
	struct err e = ERR_INIT;
	snprintf(current, sizeof(current), "%s", path);
	if (fs_read_file(path, 1 << 20, &text, &e) < 0) {
		fprintf(stderr, "%s\n", err_text(&e));
		exit(1);
	}
	AUTO_FREE uint8_t *exact = xmemdup(str_text(&text), text.len); /* so that one byte too far is one outside */
	LLVMFuzzerTestOneInput(exact, text.len);
	inputs++;
}

static void run_path(const char *path)
{
	DIR *d = opendir(path);
	if (!d) {
		run_file(path);
		return;
	}
	for (const struct dirent *entry; (entry = readdir(d));) {
		AUTO_FREE char *file = xasprintf("%s/%s", path, entry->d_name);
		struct stat st;
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode))
			run_file(file);
	}
	closedir(d);
}

int main(int argc, char **argv)
{
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(say_input);
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	printf("%d inputs\n", inputs);
	return inputs ? 0 : 1;
}
