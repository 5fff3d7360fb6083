// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The fuzz targets over their corpora: seeds, and what once crashed. */
#include "fixture.h"

#include <dirent.h>

#include "../fuzz/fuzz.h"

static const struct target {
	const char *name;
	int (*fn)(const uint8_t *data, size_t size);
} targets[] = {
#define X(name) {#name, fuzz_##name},
	FUZZ_TARGETS(X)
#undef X
};

static void replay(const struct target *target, const char *path)
{
	FILE *f = fopen(path, "re");
	uint8_t *data;
	long size;

	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	rewind(f);
	data = malloc((size_t)size + !size); /* exactly: a sanitizer sees one byte too far */
	assert_non_null(data);
	assert_int_equal(fread(data, 1, (size_t)size, f), size);
	fclose(f);
	target->fn(data, (size_t)size);
	free(data);
}

static void replays(void **state)
{
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		char path[PATH_MAX];
		struct dirent *entry;
		int nr = 0;
		DIR *dir;

		(void)state;
		snprintf(path, sizeof(path), "%s/%s", HS_CORPUS, targets[i].name);
		dir = opendir(path);
		if (!dir)
			fail_msg("%s: no corpus", path);
		while ((entry = readdir(dir))) {
			if (entry->d_name[0] == '.')
				continue;
			snprintf(path, sizeof(path), "%s/%s/%s", HS_CORPUS, targets[i].name,
				 entry->d_name);
			print_message("%s\n", path); /* the last one is the culprit */
			replay(&targets[i], path);
			nr++;
		}
		closedir(dir);
		assert_true(nr > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(replays)};

	return cmocka_run_group_tests_name("fuzz", tests, NULL, NULL);
}
