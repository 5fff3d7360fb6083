// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * The power goes at every operation of every step of a trial, on a disk that forgets what was not synced; then the machine boots, as GRUB
 * would have it. Whatever is left: nothing is booted twice, nothing is permanent that was not good, the journal knows of all that there is, and
 * `check` ends it.
 */
#include "boot_disk.h"

#include "../../user/lib/boot_trial.h"

#define SEEDS 8 /* nothing and all of what was not synced, and six kinds of some */
#define ROUNDS_MAX 200

static char root[64];
static char where[160]; /* for messages: which cut it is */
static unsigned int boots, cuts, killed;

#define demand(condition)                                                                          \
	do {                                                                                       \
		if (!(condition))                                                                  \
			fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, where, #condition);          \
	} while (0)

static const struct boot_parameter nohz[] = {
	{.name = "boot.nohz_full", .key = "nohz_full", .word = "nohz_full=2-3"},
	{.name = "boot.rcu_nocbs", .key = "rcu_nocbs", .word = "rcu_nocbs=2-3"},
};
static const struct boot_parameter irqs[] = {
	{.name = "boot.threadirqs", .key = "threadirqs", .word = "threadirqs"},
};

/* ---- what is done ---- */

typedef int (*verb)(struct boot *b, char *why, size_t size);

static int do_stage(struct boot *b, const struct boot_parameter *p, unsigned int nr, char *why,
		    size_t size)
{
	struct boot_parameter copy[2];
	int err;

	memcpy(copy, p, nr * sizeof(*p));
	err = boot_fill(b, copy, nr, why, size);
	return err ? err : boot_stage(b, copy, nr, why, size);
}

static int stage_nohz(struct boot *b, char *why, size_t size)
{
	return do_stage(b, nohz, 2, why, size);
}

static int stage_irqs(struct boot *b, char *why, size_t size)
{
	return do_stage(b, irqs, 1, why, size);
}

static int check(struct boot *b, char *why, size_t size)
{
	enum boot_verdict verdict;

	return boot_check(b, &verdict, why, size);
}

static int check_keep(struct boot *b, char *why, size_t size)
{
	enum boot_verdict verdict;
	int err = boot_check(b, &verdict, why, size);

	return err || verdict != BOOT_VERDICT_GOOD ? err : boot_keep(b, why, size);
}

static int run(verb v)
{
	char why[BOOT_WHY_LEN] = "";
	struct boot b;
	int err = boot_open(&b, root, true, why, sizeof(why));

	if (!err)
		err = v(&b, why, sizeof(why));
	boot_close(&b);
	if (err < 0 && !disk.off)
		fail_msg("%s: refused: %s", where, why);
	return err;
}

static void look(struct boot *b, struct boot_look *l)
{
	char why[BOOT_WHY_LEN] = "";

	if (boot_open(b, root, false, why, sizeof(why)) || boot_look(b, l, why, sizeof(why)))
		fail_msg("%s: %s", where, why);
	boot_close(b);
}

/* ---- from where, and what is cut ---- */

/* The command line of a boot without a trial: with what is permanent, by the piece that update-grub would have read. */
static const char *plain_line(void)
{
	static char line[1024];
	const char *words =
		strstr(text_of(root, PIECE), "GRUB_CMDLINE_LINUX_DEFAULT=\"$homeostat_line");

	snprintf(line, sizeof(line), PLAIN_LINE);
	if (words) {
		words += strlen("GRUB_CMDLINE_LINUX_DEFAULT=\"$homeostat_line");
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%.*s",
			 (int)strcspn(words, "\""), words);
	}
	strcat(line, "\n");
	return line;
}

static bool reboot(void)
{
	return grub_boots(root, true, plain_line(), ++boots);
}

static void fresh(void)
{
}

static void bare(void)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s" CUSTOM, root);
	unlink(full);
}

/* Our line of the environment goes over the border of its sectors. */
static void border(void)
{
	char lines[512] = OTHERS_ENV "long=";

	memset(lines + strlen(lines), 'x', 500 - 25 - strlen(lines));
	strcat(lines, "\n");
	put_grubenv(root, lines);
}

static void staged(void)
{
	run(stage_nohz);
}

static void border_staged(void)
{
	border();
	staged();
}

static void booted(void)
{
	staged();
	assert_true(reboot());
}

static void failed(void)
{
	booted();
	assert_false(reboot());
}

static void good(void)
{
	booted();
	run(check);
}

static void permanent(void)
{
	good();
	run(boot_keep);
	reboot();
}

static void permanent_staged(void)
{
	permanent();
	run(stage_irqs);
	assert_true(reboot());
}

static void damaged(void)
{
	staged();
	tree_put(root, JOURNAL, "{");
}

static const struct scenario {
	const char *name;
	void (*before)(void);
	verb cut;
	bool proven; /* nohz was good: it may be permanent */
} scenarios[] = {
	{"stage", fresh, stage_nohz, false},
	{"stage, the first file of all", bare, stage_nohz, false},
	{"stage over the border", border, stage_nohz, false},
	{"stage again", staged, stage_nohz, false},
	{"cancel", staged, boot_cancel, false},
	{"cancel over the border", border_staged, boot_cancel, false},
	{"check of a good boot", booted, check, true},
	{"check, and keep", booted, check_keep, true},
	{"check of a boot that fell back", failed, check, false},
	{"keep", good, boot_keep, true},
	{"cancel of a good one", good, boot_cancel, true},
	{"revert", permanent, boot_revert, true},
	{"stage on top of permanent ones", permanent, stage_irqs, true},
	{"keep on top of permanent ones", permanent_staged, check_keep, true},
	{"cancel with a damaged journal", damaged, boot_cancel, false},
};

/* ---- what has to hold ---- */

/* As the disk is before it is booted: what is there is whole, others' is as it was, and the journal knows of it. */
static void hold(const struct scenario *s, const char *others_env, const char *others_custom)
{
	const char *env = text_of(root, GRUBENV), *piece = text_of(root, PIECE);
	bool is_damaged = s->before == damaged, trial;
	struct boot_look l;
	struct boot b;

	demand(strlen(env) == 1024 && !strncmp(env + 25, others_env, strlen(others_env)));
	demand(!strncmp(text_of(root, CUSTOM), others_custom, strlen(others_custom)));
	look(&b, &l);
	demand(!b.damaged || is_damaged);
	trial = b.journal.state == BOOT_STAGING || b.journal.state == BOOT_STAGED;
	/* what GRUB boots next is whole, and the journal knows of it */
	demand(!l.next || is_damaged || (trial && l.entry && l.entry_fits));
	/* a journal that says so, says so of what is there */
	demand(b.journal.state != BOOT_STAGED || strcmp(b.journal.boot_id, b.boot_id) ||
	       (l.next && l.entry_fits) || s->cut == boot_cancel);
	demand(!piece[0] || (s->proven && l.permanent && strstr(piece, "\nunset -f homeostat")));
	demand(!piece[0] || b.journal.permanent_nr || b.journal.state == BOOT_KEEPING);
	demand(b.journal.state != BOOT_PERMANENT || l.permanent_fits);
	demand(!strstr(piece, "threadirqs") || s->cut == check_keep);
}

/* After `check`: nothing of ours is where GRUB looks but what is permanent, and nothing is odd. */
static void ended(const char *others_custom)
{
	const char *fault[BOOT_FAULTS_MAX];
	struct boot_look l;
	struct boot b;

	look(&b, &l);
	if (boot_faults(&b, &l, fault))
		fail_msg("%s: %s", where, fault[0]);
	demand(!l.next && !l.entry);
	demand(!strcmp(text_of(root, CUSTOM), others_custom));
	demand(b.journal.state == BOOT_GOOD || !boot_states[b.journal.state].open);
}

static void judged(bool ours)
{
	struct boot_look l;
	struct boot b;

	look(&b, &l);
	for (unsigned int i = 0; ours && i < b.journal.trial_nr; i++)
		demand(boot_line_has(b.line, &b.journal.trial[i]));
	/* it came up with them: that is not forgotten */
	demand(!ours || b.journal.state == BOOT_GOOD || b.journal.state == BOOT_PERMANENT);
}

/* All of it once more, uncut, from whatever state: it works as on a new machine. */
static void works_on(void)
{
	struct boot_look l;
	struct boot b;

	look(&b, &l);
	if (b.journal.state == BOOT_GOOD)
		demand(!run(boot_keep));
	demand(run(boot_revert) >= 0);
	reboot();
	demand(!run(check));
	demand(!run(stage_nohz));
	demand(reboot());
	demand(!run(check_keep));
	look(&b, &l);
	demand(b.journal.state == BOOT_PERMANENT && l.permanent_fits);
	demand(!reboot());
	demand(run(boot_revert) == 1);
	demand(!is_there(root, PIECE));
}

/* ---- the cuts ---- */

/* What the scenario begins with, kept: to make it anew each time would take minutes. */
static struct {
	char *text; /* NULL: it is not there */
} kept[FOLLOWED + 2];

static const char *kept_path(size_t i)
{
	return i < FOLLOWED ? followed[i] : i == FOLLOWED ? CMDLINE : BOOT_ID;
}

static bool is_dir(const char *path)
{
	return !strcmp(path, "/var/lib/homeostat") || !strcmp(path, "/etc/default/grub.d");
}

static void begin(const struct scenario *s)
{
	tree_free(root);
	tree_make_in_memory(root);
	debian_make(root);
	boots = 1;
	disk_on(root, ~0U);
	s->before();
	disk_free();
	for (size_t i = 0; i < FOLLOWED + 2; i++) {
		free(kept[i].text);
		kept[i].text = NULL;
		if (is_there(root, kept_path(i)))
			kept[i].text =
				strdup(is_dir(kept_path(i)) ? "" : text_of(root, kept_path(i)));
	}
}

static void make(void)
{
	char full[PATH_MAX];

	for (size_t i = FOLLOWED + 2; i-- > 0;) {
		snprintf(full, sizeof(full), "%s%s", root, kept_path(i));
		if (!kept[i].text)
			remove(full);
	}
	for (size_t i = 0; i < FOLLOWED + 2; i++) {
		snprintf(full, sizeof(full), "%s%s", root, kept_path(i));
		if (kept[i].text && is_dir(kept_path(i)))
			mkdir(full, 0700);
		else if (kept[i].text)
			put_bytes(kept_path(i), kept[i].text, strlen(kept[i].text), i < 4);
	}
	boots = 100;
}

/* Cut in `check` itself, after a cut; then again. */
static void cut_again(const struct scenario *s, unsigned int n, unsigned int how, const char *env,
		      const char *custom)
{
	disk_on(root, n);
	run(check);
	if (disk.off)
		cuts++;
	disk_cut(how);
	disk_on(root, ~0U);
	hold(s, env, custom);
}

/* The power goes at the n-th operation. Was there one? */
static bool cut(const struct scenario *s, unsigned int n, unsigned int how, unsigned int again)
{
	static char env[1100], custom[4096];
	bool off, ours;

	snprintf(where, sizeof(where), "%s, cut at operation %u, kind %u, again at %u", s->name, n,
		 how, again);
	make();
	snprintf(env, sizeof(env), "%s",
		 s->before == border || s->before == border_staged ? text_of(root, GRUBENV) + 25
								   : OTHERS_ENV);
	env[strcspn(env, "#")] = '\0';
	if (strstr(env, "next_entry"))
		*strstr(env, "next_entry") = '\0';
	snprintf(custom, sizeof(custom), "%s", s->before == bare ? "" : OTHERS_CUSTOM);
	disk_on(root, n);
	run(s->cut);
	off = disk.off;
	cuts += off;
	disk_cut(how);
	disk_on(root, ~0U);
	hold(s, env, custom);
	ours = reboot();
	if (how % 2 && !again) { /* nobody looks at this boot, and the next one is as before */
		demand(!reboot());
		ours = false;
	}
	hold(s, env, custom);
	if (again) {
		disk_free();
		cut_again(s, again - 1, how, env, custom);
		demand(!reboot());
		ours = false;
	}
	if (s->before == damaged)
		run(boot_cancel);
	demand(!run(check));
	judged(ours && s->before != damaged);
	ended(custom);
	if (!again && how < 3) /* it takes longer than all of the rest */
		works_on();
	disk_free();
	return off;
}

static void power_cuts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		unsigned int n = 0;

		begin(&scenarios[i]);
		/* the last round is not cut */
		for (bool more = true; more; n++) {
			assert_true(n < ROUNDS_MAX);
			for (unsigned int how = 0; how < SEEDS; how++)
				more = cut(&scenarios[i], n, how, 0);
		}
		assert_true(n > 4);
		print_message("%s: %u operations\n", scenarios[i].name, n - 1);
	}
	assert_true(cuts > 1000);
	print_message("power cuts: %u, 0 exceptions\n", cuts);
}

static void power_cuts_twice(void **state)
{
	unsigned int before = cuts;

	(void)state;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		if (scenarios[i].before == damaged) /* `check` says so, and writes nothing */
			continue;
		begin(&scenarios[i]);
		for (unsigned int n = 0, more = 1; more; n++)
			for (unsigned int again = 1 + n % 2; again <= 13; again += 2)
				more = cut(&scenarios[i], n, (n + again) % SEEDS, again);
	}
	assert_true(cuts - before > 1000);
	print_message("power cuts, and one more in the check after: %u, 0 exceptions\n",
		      cuts - before);
}

/* Killed, with the power on: the same boot goes on with what is there, and whoever was killed does it again. */
static bool kill_at(const struct scenario *s, unsigned int n)
{
	char custom[16384], piece[16384], env[1100];
	bool off;

	snprintf(where, sizeof(where), "%s, killed at operation %u", s->name, n);
	make();
	disk_on(root, ~0U);
	run(s->cut);
	disk_free();
	snprintf(custom, sizeof(custom), "%s", text_of(root, CUSTOM));
	snprintf(piece, sizeof(piece), "%s", text_of(root, PIECE));
	snprintf(env, sizeof(env), "%s", text_of(root, GRUBENV));
	make();
	disk_on(root, n);
	run(s->cut);
	off = disk.off;
	killed += off;
	/* the same disk: what has not been synced yet has to be now */
	disk.off = false;
	disk.cut_at = ~0U;
	run(s->cut);
	disk_cut(0);
	disk_on(root, ~0U);
	demand(!strcmp(custom, text_of(root, CUSTOM)) && !strcmp(piece, text_of(root, PIECE)));
	demand(!strcmp(env, text_of(root, GRUBENV)));
	disk_free();
	return off;
}

static void kills(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(*scenarios); i++) {
		unsigned int n = 0;

		/* of these, once more is refused when it has come to its end: there is nothing to do again */
		if (scenarios[i].cut == boot_keep)
			continue;
		begin(&scenarios[i]);
		while (kill_at(&scenarios[i], n))
			n++;
		assert_true(n > 4);
	}
	print_message("killed: %u times, 0 exceptions\n", killed);
}

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	boot_files = &forgetful;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_free(root);
	for (size_t i = 0; i < FOLLOWED + 2; i++) {
		free(kept[i].text);
		kept[i].text = NULL;
	}
	return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(power_cuts),
		TEST(power_cuts_twice),
		TEST(kills),
	};

	return cmocka_run_group_tests_name("boot_cut", tests, NULL, NULL);
}
