// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Objects of policies, before the kernel sees them: what is taken, and what is refused with which words. */
#include "fixture.h"

#include <bpf/libbpf.h>

#include "../../user/lib/plugin_file.h"

#define OBJECT_MAX (1024 * 1024)

/* selftests/plugin/bad: what has to be said. With a line, it is the one that is marked in the source. */
static const struct {
	const char *name;
	bool line;
	const char *says;
} bad[] = {
	{"larger", false, "struct homeostat_vitals is not the one of this version"},
	{"moved", false,
	 "struct hs_vital is not the one of this version: member 1 is to be 'value'"},
	{"narrow", false, "struct homeostat_knobs is not the one of this version"},
	{"helper", true, "homeostat_reflex() calls bpf_ktime_get_ns()"},
	{"loop", true, "homeostat_reflex() calls bpf_loop()"},
	{"kernel", true, "homeostat_reflex() uses 'scx_bpf_kick_cpu' of the kernel"},
	{"kconfig", true, "homeostat_reflex() uses 'CONFIG_HZ' of the kernel"},
	{"maygoto", true, "homeostat_reflex() has a loop"},
	{"packet", true, "homeostat_reflex() loads from a packet"},
	{"descriptor", true, "homeostat_reflex() has the number of a descriptor in its code"},
	{"second", true, "other() is a global function"},
	{"global", true, "much() is a global function"},
	{"tag", false, "the tag 'arg:ctx'"},
	{"shape", false, "homeostat_reflex() does not take vital signs, knobs and the time"},
	{"sleeps", false, "no program for a slot"},
	{"type", false, "no program for a slot"},
	{"undeclared", false, "declares no policy"},
	{"license", false, "its license is not GPL"},
	{"version", false, "compiled for version 9999 of the interface"},
	{"nothing", false, "TURNS() has no knob"},
	{"twice", false, "TURNS() has a knob twice"},
	{"beyond", false, "READS() has a vital sign twice, or one that is none"},
	{"name", false, "its name is not a letter and up to"},
	{"stateless", false, "KEEPS_STATE, but no variable"},
	{"flags", false, "flags 0x2"},
	{"large", false, "map 'table' has 2097168 bytes"},
	{"values", false, "map 'table' has keys of 4 bytes and values of 264: 64 and 256"},
	{"keys", false, "map 'table' has keys of 72 bytes and values of 8: 64 and 256"},
	{"digit", false, "its name is not a letter and up to"},
	{"percpu", false, "map 'table' is a percpu_array"},
	{"pinned", false, "map 'table' has flags, or is pinned"},
	{"many", false, "more than 8 maps"},
};

/* Has it been refused for something, in one line, and nothing left open? */
static void is_refused(struct plugin *p, int err, const char *error)
{
	assert_true(err < 0);
	assert_true(*error);
	assert_null(strchr(error, '\n'));
	assert_int_equal(p->prog_fd, -1);
	plugin_close(p);
}

static unsigned int marked_line(const char *name)
{
	char path[PATH_MAX], line[512];
	unsigned int nr = 0;
	FILE *f;

	snprintf(path, sizeof(path), "selftests/plugin/bad/%s.bpf.c", name);
	f = fopen(path, "re");
	assert_non_null(f);
	do {
		assert_non_null(fgets(line, sizeof(line), f));
		nr++;
	} while (!strstr(line, "/* here"));
	fclose(f);
	return nr;
}

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char path[PATH_MAX], error[1024] = "", place[128];
		struct plugin p;
		int err;

		snprintf(path, sizeof(path), HS_BUILD "/plugin/bad/%s.bpf.o", bad[i].name);
		err = plugin_open(&p, path, error, sizeof(error));
		if (err != -EINVAL || !strstr(error, bad[i].says))
			fail_msg("%s: %d, '%s', not '%s'", bad[i].name, err, error, bad[i].says);
		if (bad[i].line) {
			snprintf(place, sizeof(place), "/%s.bpf.c:%u: ", bad[i].name,
				 marked_line(bad[i].name));
			if (!strstr(error, place))
				fail_msg("%s: '%s' is not at '%s'", bad[i].name, error, place);
		}
		is_refused(&p, err, error);
	}
}

static void takes(void **state)
{
	char error[1024] = "";
	struct plugin p;

	(void)state;
	assert_int_equal(plugin_open(&p, HS_BUILD "/plugin/table.bpf.o", error, sizeof(error)), 0);
	assert_string_equal(error, "");
	assert_string_equal(p.policy.name, "table");
	assert_string_equal(p.policy.about, "for tests: all that a policy may have");
	assert_int_equal(p.policy.flags, KEEPS_STATE);
	assert_int_equal(p.policy.reads[0], HS_VITAL_SWITCHES + 1);
	assert_int_equal(p.policy.reads[1], HS_VITAL_WAIT_CRITICAL_P99 + 1);
	assert_int_equal(p.policy.reads[2], 0);
	assert_int_equal(p.policy.turns[1], HS_KNOB_SLICE_NORMAL + 1);
	for (int i = 0; i < PLUGIN_CALL_NR; i++)
		assert_true(p.calls[i]);
	assert_string_equal(plugin_call_name(PLUGIN_CALL_map_update_elem), "map_update_elem");
	/* the hash, the state, the constant and the declaration */
	assert_int_equal(p.maps_nr, 4);
	assert_int_equal(p.map_bytes, 64 * (8 + 8) + (8 + 8) + (8 + 8) + (8 + 200));
	assert_int_equal(p.state_size, 8);
	assert_int_equal(p.prog_fd, -1);
	plugin_close(&p);
	assert_int_equal(plugin_open(&p, HS_BUILD "/policy/pi.bpf.o", error, sizeof(error)), 0);
	assert_int_equal(p.maps_nr, 2);
	for (int i = 0; i < PLUGIN_CALL_NR; i++)
		assert_false(p.calls[i]);
	plugin_close(&p);
}

static void files(void **state)
{
	char root[64], path[128], error[1024];
	struct plugin p;
	int err;

	(void)state;
	err = plugin_open(&p, "/nonexistent.bpf.o", error, sizeof(error));
	assert_int_equal(err, -ENOENT);
	is_refused(&p, err, error);
	err = plugin_open(&p, "/", error, sizeof(error));
	assert_int_equal(err, -EISDIR);
	is_refused(&p, err, error);
	err = plugin_open(&p, "/dev/zero", error, sizeof(error));
	assert_int_equal(err, -EINVAL);
	is_refused(&p, err, error);
	tree_make(root);
	tree_put(root, "/text",
		 "no object at all, but some text that is longer than a header of ELF is");
	snprintf(path, sizeof(path), "%s/text", root);
	err = plugin_open(&p, path, error, sizeof(error));
	assert_string_equal(error, "text: no object file for BPF: compile it with homeostat policy "
				   "build");
	is_refused(&p, err, error);
	assert_int_equal(truncate(path, PLUGIN_FILE_MAX + 1), 0);
	err = plugin_open(&p, path, error, sizeof(error));
	assert_int_equal(err, -EFBIG);
	is_refused(&p, err, error);
	tree_put(root, "/text", "");
	err = plugin_open(&p, path, error, sizeof(error));
	is_refused(&p, err, error);
	tree_free(root);
}

/* An object's bytes: the caller's. */
static unsigned char *read_bytes(const char *path, size_t *len)
{
	unsigned char *bytes = malloc(OBJECT_MAX);
	FILE *f = fopen(path, "re");

	assert_non_null(f);
	assert_non_null(bytes);
	*len = fread(bytes, 1, OBJECT_MAX, f);
	assert_true(*len && *len < OBJECT_MAX);
	fclose(f);
	return bytes;
}

/* Of the very length: a sanitizer sees one byte too far. */
static int open_copy(struct plugin *p, const unsigned char *bytes, size_t len, char error[1024])
{
	unsigned char *copy = malloc(len + !len);
	int err;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	*error = '\0';
	err = plugin_open_mem(p, copy, len, "copy", error, 1024);
	free(copy);
	return err;
}

/* The table of sections is at the end: whatever is missing, it is. */
static void truncated(void **state)
{
	char error[1024];
	struct plugin p;
	size_t len;
	unsigned char *bytes = read_bytes(HS_BUILD "/plugin/table.bpf.o", &len);

	(void)state;
	for (size_t cut = 0; cut < len; cut += cut < 256 ? 1 : 37)
		is_refused(&p, open_copy(&p, bytes, cut, error), error);
	assert_int_equal(open_copy(&p, bytes, len, error), 0);
	plugin_close(&p);
	free(bytes);
}

/* Replaces a number of 32 bits wherever it is. Returns how often. */
static int patch(unsigned char *bytes, size_t len, __u32 from, __u32 to)
{
	int nr = 0;

	for (size_t i = 0; i + sizeof(from) <= len; i += sizeof(from)) {
		if (memcmp(bytes + i, &from, sizeof(from)))
			continue;
		memcpy(bytes + i, &to, sizeof(to));
		nr++;
	}
	return nr;
}

/* The first load of 64 bits in the object's code, and the end of that code: offsets in the file. */
static size_t find_load(const unsigned char *bytes, size_t len, size_t *end)
{
	char error[1024];
	struct plugin_file f = {.name = "copy", .error = error, .error_size = sizeof(error)};
	size_t at = 0;
	GElf_Shdr code;

	assert_int_equal(plugin_file_open(&f, bytes, len), 0);
	for (Elf_Scn *scn = NULL; !at && (scn = elf_nextscn(f.elf, scn));) {
		if (!plugin_is_code(scn, &code))
			continue;
		*end = code.sh_offset + code.sh_size;
		for (size_t i = code.sh_offset; i < *end && !at; i += 8)
			at = bytes[i] == (BPF_LD | BPF_IMM | BPF_DW) ? i : 0;
	}
	plugin_file_close(&f);
	assert_true(at);
	return at;
}

/* A function may begin in the second half of such a load: what is there must be no code. */
static void code_within_code(void **state)
{
	static const struct {
		size_t at;
		unsigned char is;
	} half[] = {
		{8, BPF_JMP | BPF_CALL}, /* code: a call of a helper */
		{9, 0x01},		 /* registers, to and … */
		{9, 0x20},		 /* … from */
		{10, 1},		 /* offset */
		{11, 0x80},
	};
	size_t len, end, at;
	unsigned char *bytes = read_bytes(HS_BUILD "/plugin/table.bpf.o", &len);
	char error[1024];
	struct plugin p;
	int err;

	(void)state;
	at = find_load(bytes, len, &end);
	for (size_t i = 0; i < sizeof(half) / sizeof(half[0]); i++) {
		assert_int_equal(bytes[at + half[i].at], 0);
		bytes[at + half[i].at] = half[i].is;
		err = open_copy(&p, bytes, len, error);
		if (!strstr(error, "has code within an instruction"))
			fail_msg("byte %zu: %d, '%s'", half[i].at, err, error);
		is_refused(&p, err, error);
		bytes[at + half[i].at] = 0;
	}
	/* the number itself may be any */
	bytes[at + 12] = 1;
	open_copy(&p, bytes, len, error);
	assert_null(strstr(error, "within an instruction"));
	plugin_close(&p);
	/* and the section may not end before it */
	memset(bytes + end - 8, 0, 8);
	bytes[end - 8] = BPF_LD | BPF_IMM | BPF_DW;
	err = open_copy(&p, bytes, len, error);
	assert_non_null(strstr(error, "ends within an instruction"));
	is_refused(&p, err, error);
	free(bytes);
}

/* Names and source lines of an object reach a terminal: none of its commands does. */
static void clean(void **state)
{
	char text[] = "a\033[2Jb\x9b"
		      "2Jc\x7f\x80\x9f\xa0\xc3\xa4\n\td";

	(void)state;
	plugin_clean(text, "\t");
	assert_string_equal(text, "a?[2Jb?2Jc???\xa0\xc3\xa4?\td");
}

static void wrong_types(void **state)
{
	static const struct {
		__u32 from, to;
		const char *says;
	} wrong[] = {
		{sizeof(struct homeostat_vitals), sizeof(struct homeostat_vitals) + 56,
		 "struct homeostat_vitals is not"},
		{sizeof(struct homeostat_knobs), sizeof(struct homeostat_knobs) - 8,
		 "struct homeostat_knobs is not"},
		{0x0001eb9f, 0x0001eb9e, "no type information (BTF)"},
	};
	char error[1024];
	struct plugin p;
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		unsigned char *bytes = read_bytes(HS_BUILD "/policy/pi.bpf.o", &len);
		int err;

		assert_true(patch(bytes, len, wrong[i].from, wrong[i].to));
		err = open_copy(&p, bytes, len, error);
		if (!strstr(error, wrong[i].says))
			fail_msg("%d, '%s', not '%s'", err, error, wrong[i].says);
		is_refused(&p, err, error);
		free(bytes);
	}
}

/* One byte wrong: refused or not, in either case in good order. */
static void damaged(void **state)
{
	unsigned int refused = 0;
	char error[1024];
	struct plugin p;
	size_t len;
	unsigned char *bytes = read_bytes(HS_BUILD "/policy/pi.bpf.o", &len);

	(void)state;
	for (size_t at = 0; at < len; at += at < 64 ? 1 : 3) {
		int err;

		bytes[at] ^= 0xff;
		err = open_copy(&p, bytes, len, error);
		if (err) {
			is_refused(&p, err, error);
			refused++;
		} else {
			assert_string_equal(error, "");
			plugin_close(&p);
		}
		bytes[at] ^= 0xff;
	}
	assert_true(refused > 100);
	free(bytes);
}

/* Logs of verifiers: from 6.9 on with file and line, from 7.3 on with the same again at length, and cut at the beginning. */
static void reasons(void **state)
{
	static const struct {
		const char *log, *reason;
	} logs[] = {
		{"0: R1=mem(id=1)\n; return tab[v]; @ x.bpf.c:6\n7: (0f) r3 += r1\n"
		 "math between pointers is not allowed\nprocessed 7 insns (limit 1000000)\n",
		 "x.bpf.c:6: math between pointers is not allowed, at `return tab[v];`"},
		{"; return tab[v];\n7: (0f) r3 += r1\nR3 is no pointer\nverification time 20 usec\n"
		 "stack depth 0\nprocessed 7 insns\n",
		 "R3 is no pointer, at `return tab[v];`"},
		{"; a @ b; @ dir/x.bpf.c:7\nR2 invalid\n\nVerification failed: Memory "
		 "Safety\n\nReason:\n"
		 "  at length\n; not @ this.c:1\nSuggestion:\n  do it better\nprocessed 1 insns\n",
		 "dir/x.bpf.c:7: R2 invalid, at `a @ b;`"},
		{"; while (1) @ x.bpf.c:9\ninfinite loop detected at insn 4\ncur state: R1=1\n"
		 "old state: R1=1\nprocessed 13 insns\n",
		 "x.bpf.c:9: infinite loop detected at insn 4, at `while (1)`"},
		{"BPF program is too large. Processed 1000001 insn",
		 "BPF program is too large. Processed 1000001 insn"},
		{"", "without a word"},
		{"\n\n", "without a word"},
		{"; only a source line @ x.c:1", "without a word"},
	};
	char text[512];

	(void)state;
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		plugin_reason(logs[i].log, text, sizeof(text));
		assert_string_equal(text, logs[i].reason);
	}
}

static int words;
static int count_words(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level;
	(void)fmt;
	(void)ap;
	return ++words;
}

/* libbpf is quiet meanwhile, and afterwards as it was. */
static void quiet(void **state)
{
	libbpf_print_fn_t before = libbpf_set_print(count_words);
	char error[1024];
	struct plugin p;

	(void)state;
	plugin_open(&p, HS_BUILD "/plugin/bad/pinned.bpf.o", error, sizeof(error));
	plugin_close(&p);
	assert_int_equal(words, 0);
	assert_ptr_equal(libbpf_set_print(before), count_words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes),       cmocka_unit_test(refuses),
		cmocka_unit_test(files),       cmocka_unit_test(truncated),
		cmocka_unit_test(wrong_types), cmocka_unit_test(damaged),
		cmocka_unit_test(quiet),       cmocka_unit_test(reasons),
		cmocka_unit_test(clean),       cmocka_unit_test(code_within_code),
	};

	return cmocka_run_group_tests_name("plugin", tests, NULL, NULL);
}
