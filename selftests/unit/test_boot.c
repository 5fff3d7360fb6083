// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* homeostat boot: each verb on a machine with Debian's GRUB, over its boots; and what is refused, with the reason. */
#include "boot_fixture.h"

#include <sys/file.h>

#include "../../user/cli/cli.h"
#include "../../user/lib/boot_grub.h"
#include "../../user/lib/boot_grubenv.h"

#define KB HS_POLICY "/parameters.yaml"
#define NOHZ "boot.nohz_full=2-3 boot.rcu_nocbs=2-3"
#define NOHZ_WORDS "nohz_full=2-3 rcu_nocbs=2-3"

static char root[64];

static int setup(void **state)
{
	(void)state;
	tree_make(root);
	debian_make(root);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	tree_free(root);
	return 0;
}

/* Runs `homeostat boot WORDS` there; exit code, and parts of what is said on either side (all of it in `said`). */
static char said[16384];

static void boot(const char *words, int rc, const char *part)
{
	char copy[512], *argv[32] = {"homeostat", "boot"}, *save = NULL, *out, *err;
	size_t out_len, err_len;
	FILE *o = open_memstream(&out, &out_len), *e = open_memstream(&err, &err_len);
	int argc = 2, got;

	snprintf(copy, sizeof(copy), "%s", words);
	for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	argv[argc++] = "--root";
	argv[argc++] = root;
	argv[argc++] = "--kb=" KB;
	got = cli_main(argc, argv, o, e);
	fclose(o);
	fclose(e);
	snprintf(said, sizeof(said), "%s%s", out, err);
	free(out);
	free(err);
	if (got != rc || !strstr(said, part))
		fail_msg("homeostat boot %s: exit code %d, expected %d with '%s' in:\n%s", words,
			 got, rc, part, said);
}

static void has(const char *path, const char *part)
{
	if (!strstr(text_of(root, path), part))
		fail_msg("%s: expected '%s' in:\n%s", path, part, text_of(root, path));
}

static void has_not(const char *path, const char *part)
{
	if (strstr(text_of(root, path), part))
		fail_msg("%s: expected no '%s' in:\n%s", path, part, text_of(root, path));
}

/* Nothing of ours is where GRUB looks. */
static void clean(void)
{
	assert_string_equal(text_of(root, CUSTOM), OTHERS_CUSTOM);
	has_not(GRUBENV, "homeostat");
	has(GRUBENV, OTHERS_ENV);
	assert_false(is_there(root, PIECE));
}

/* ---- the way of a good one ---- */

static void stages(void **state)
{
	(void)state;
	boot("show", CLI_OK, "nothing is under way");
	boot("check", CLI_OK, "nothing is on trial");
	boot("stage " NOHZ, CLI_OK, "boot.nohz_full: (not there) -> nohz_full=2-3");
	assert_non_null(strstr(said, "the one after it is as before"));
	has(GRUBENV, OTHERS_ENV "next_entry=homeostat-once\n#");
	assert_int_equal(strlen(text_of(root, GRUBENV)), 1024);
	assert_memory_equal(text_of(root, CUSTOM), OTHERS_CUSTOM, strlen(OTHERS_CUSTOM));
	/* the entry of the kernel that runs, with what its disk needs; not the rescue one, and nothing that makes it the one for ever */
	has(CUSTOM, "--unrestricted --id homeostat-once {\n");
	has(CUSTOM, "cryptomount -u 0a1b2c3d\n");
	has(CUSTOM, "\t\tlinux " KERNEL " 'root=UUID=0a1b2c3d-1111-2222-3333-444455556666' 'ro' "
		    "'quiet' 'nohz_full=2-3' 'rcu_nocbs=2-3' 'panic=30'\n");
	has(CUSTOM, "\telse\n\t\tlinux " KERNEL
		    " 'root=UUID=0a1b2c3d-1111-2222-3333-444455556666' 'ro' 'quiet'\n");
	has(CUSTOM, "initrd\t/boot/initrd.img-6.12.57");
	has_not(CUSTOM, "savedefault");
	has_not(CUSTOM, "initrd-rescue");
	boot("show", CLI_OK, "the next boot is on trial");
	boot("show --json", CLI_OK, "\"booted_next\":true");
	boot("check", CLI_OK, "not booted: the trial is the next boot");
	/* the same again is done again; another is refused */
	boot("stage " NOHZ, CLI_OK, "nohz_full=2-3");
	boot("stage boot.threadirqs=yes", CLI_REFUSED, "homeostat boot cancel");
	boot("keep", CLI_REFUSED, "no boot has been good with them");
	boot("revert", CLI_REFUSED, "a trial is not at its end");
}

static void good_kept_and_reverted(void **state)
{
	(void)state;
	boot("stage " NOHZ, CLI_OK, "");
	assert_true(grub_boots(root, true, PLAIN_LINE "\n", 2));
	has(CMDLINE, NOHZ_WORDS);
	boot("show", CLI_FINDINGS, "homeostat boot check");
	boot("stage boot.threadirqs=yes", CLI_REFUSED, "homeostat boot check");
	boot("check", CLI_OK, "good: this boot has them");
	clean();
	boot("check", CLI_OK, "good");
	boot("show", CLI_OK, "a boot came up with them");
	/* not permanent: the next one is as before, and it may still be kept */
	assert_false(grub_boots(root, true, PLAIN_LINE "\n", 3));
	has_not(CMDLINE, "nohz_full");
	boot("check", CLI_OK, "waits: an earlier boot had them");
	boot("stage boot.threadirqs=yes", CLI_REFUSED, "homeostat boot keep");
	boot("keep", CLI_OK, "update-grub has to be run there");
	has(PIECE, " " NOHZ_WORDS "\"\n");
	boot("keep", CLI_REFUSED, "the trial was good, and they are permanent");
	boot("show", CLI_OK, "permanent  boot.nohz_full: (not there) -> nohz_full=2-3");
	boot("check", CLI_OK, "permanent: what is permanent is there");
	/* update-grub was not run: the next boot has not got them, which is told */
	grub_boots(root, true, PLAIN_LINE "\n", 4);
	boot("check", CLI_FINDINGS, "lost: what is permanent is not there");
	assert_non_null(strstr(said, "expected nohz_full=2-3"));
	grub_boots(root, true, PLAIN_LINE " " NOHZ_WORDS "\n", 5);
	boot("check", CLI_OK, "permanent");
	/* one more on top of it */
	boot("stage boot.nohz_full=2-5 boot.threadirqs=yes boot.rcu_nocbs=2-5", CLI_OK, "");
	has(CUSTOM, "'quiet' 'nohz_full=2-5' 'rcu_nocbs=2-5' 'threadirqs' 'panic=30'\n");
	boot("show", CLI_OK, "permanent");
	assert_true(grub_boots(root, true, PLAIN_LINE " " NOHZ_WORDS "\n", 6));
	boot("check --keep", CLI_OK, "permanent");
	has(PIECE, " nohz_full=2-5 rcu_nocbs=2-5 threadirqs\"\n");
	boot("show --json", CLI_OK, "\"word\":\"threadirqs\"");
	boot("revert", CLI_OK, "taken out");
	clean();
	boot("revert", CLI_OK, "nothing is permanent");
	boot("show", CLI_OK, "nothing is under way");
}

/* By all ways in which a trial can fail. */
static void falls_back(void **state)
{
	(void)state;
	/* it did not come up: the boot after it is as before */
	boot("stage " NOHZ, CLI_OK, "");
	assert_true(grub_boots(root, true, PLAIN_LINE "\n", 2));
	assert_false(grub_boots(root, true, PLAIN_LINE "\n", 3));
	boot("check", CLI_FINDINGS, "fell back: this boot has not got them");
	assert_non_null(strstr(said, "boot.nohz_full: expected nohz_full=2-3 on the command line"));
	clean();
	boot("check", CLI_FINDINGS, "fell back");
	boot("show", CLI_OK, "did not come up");
	grub_boots(root, true, PLAIN_LINE "\n", 4);
	boot("check", CLI_OK, "nothing"); /* is told in one boot, and stays to be seen */
	boot("show", CLI_OK, "did not come up");
	boot("keep", CLI_REFUSED, "no boot has been good");
	/* one of them is missing */
	boot("stage " NOHZ, CLI_OK, "");
	grub_boots(root, true, PLAIN_LINE "\n", 5);
	tree_put(root, CMDLINE, PLAIN_LINE " nohz_full=2-3\n");
	boot("check --json", CLI_FINDINGS, "\"missing\":[\"boot.rcu_nocbs\"]");
	clean();
	/* GRUB was never asked: another disk was booted */
	tree_put(root, CMDLINE, PLAIN_LINE "\n");
	boot("stage " NOHZ, CLI_OK, "");
	put_boot_id(root, 6);
	boot("check", CLI_FINDINGS, "fell back");
	clean();
	/* GRUB cannot forget: it boots the entry each time, which is as before; the first check ends it */
	boot("stage " NOHZ, CLI_OK, "");
	assert_true(grub_boots(root, false, PLAIN_LINE "\n", 7));
	assert_string_equal(text_of(root, CMDLINE), PLAIN_LINE "\n");
	assert_true(grub_boots(root, false, PLAIN_LINE "\n", 8));
	boot("check", CLI_FINDINGS, "fell back");
	clean();
}

static void cancelled(void **state)
{
	char damaged[PATH_MAX];

	(void)state;
	boot("cancel", CLI_OK, "nothing is staged");
	boot("stage " NOHZ, CLI_OK, "");
	boot("cancel", CLI_OK, "taken back");
	clean();
	boot("cancel", CLI_OK, "nothing is staged");
	/* a good one, too */
	boot("stage " NOHZ, CLI_OK, "");
	grub_boots(root, true, PLAIN_LINE "\n", 2);
	boot("check", CLI_OK, "good");
	boot("cancel --json", CLI_OK, "\"state\":\"none\"");
	boot("keep", CLI_REFUSED, "no boot has been good");
	/* a damaged journal stops all but what gets rid of it */
	tree_put(root, CMDLINE, PLAIN_LINE "\n");
	boot("stage " NOHZ, CLI_OK, "");
	tree_put(root, JOURNAL, "{\"version\":1,");
	boot("show", CLI_FINDINGS, "the journal is damaged");
	boot("check", CLI_FINDINGS, "is damaged");
	boot("stage " NOHZ, CLI_FINDINGS, "is damaged");
	boot("keep", CLI_FINDINGS, "is damaged");
	boot("cancel", CLI_OK, "taken back");
	clean();
	snprintf(damaged, sizeof(damaged), "%s.damaged", JOURNAL);
	has(damaged, "{\"version\":1,");
	boot("show", CLI_OK, "nothing is under way");
}

/* What is there and the journal does not know, or the other way round. */
static void told_by_show(void **state)
{
	(void)state;
	boot("stage " NOHZ, CLI_OK, "");
	put_grubenv(root, OTHERS_ENV);
	boot("show", CLI_FINDINGS, "next_entry is not set");
	tree_put(root, CUSTOM, OTHERS_CUSTOM);
	boot("show", CLI_FINDINGS, "the entry in custom.cfg is not there");
	boot("stage " NOHZ, CLI_OK, ""); /* which mends it */
	boot("show", CLI_OK, "");
	boot("cancel", CLI_OK, "");
	tree_put(root, PIECE,
		 "# Made by `homeostat boot keep`; `homeostat boot revert` takes it "
		 "away.\n");
	boot("show", CLI_FINDINGS, "the journal knows of nothing permanent");
	boot("revert", CLI_OK, "taken out");
	clean();
	/* a stray next_entry of ours without a journal */
	put_grubenv(root, OTHERS_ENV "next_entry=homeostat-once\n");
	boot("show", CLI_FINDINGS, "GRUB boots an entry of ours next");
	boot("check", CLI_OK, "nothing");
	clean();
}

/* ---- parameters ---- */

static void parameters(void **state)
{
	(void)state;
	/* in the knowledge base's order, whatever the order they are asked for in */
	boot("stage boot.hugepages=4 boot.hugepagesz=1G", CLI_OK, "warning: too many");
	has(CUSTOM, "'hugepagesz=1G' 'hugepages=4' 'panic=30'\n");
	boot("cancel", CLI_OK, "");
	/* what is needed and is there goes behind it */
	tree_put(root, CMDLINE, PLAIN_LINE " hugepages=7 panic=5\n");
	boot("stage boot.hugepagesz=2M", CLI_OK, "boot.hugepages: hugepages=7 -> hugepages=7");
	has(CUSTOM, "'quiet' 'panic=5' 'hugepagesz=2M' 'hugepages=7'\n");
	boot("cancel", CLI_OK, "");
	/* taken out: a flag, and one with a value; - and _ are the same */
	tree_put(root, CMDLINE, PLAIN_LINE " threadirqs irqaffinity=0-1 skew-tick=1 dash=1\n");
	boot("stage boot.threadirqs=no boot.irqaffinity= boot.skew_tick=0", CLI_OK,
	     "boot.skew_tick: skew-tick=1 -> skew_tick=0");
	has(CUSTOM, "'quiet' 'dash=1' 'skew_tick=0' 'panic=30'\n");
	assert_true(grub_boots(root, true, PLAIN_LINE "\n", 2));
	boot("check --keep", CLI_OK, "permanent");
	has(PIECE, "skew[-_]tick | skew[-_]tick=*) ;;");
}

/* The piece of /etc/default/grub.d does in a shell what the trial had: words once, in order, others' as they were. */
static void piece_in_a_shell(void **state)
{
	char command[512], line[512] = "";
	FILE *f;

	(void)state;
	tree_put(root, CMDLINE, PLAIN_LINE " threadirqs\n");
	boot("stage " NOHZ " boot.threadirqs=no", CLI_OK, "");
	grub_boots(root, true, PLAIN_LINE "\n", 2);
	boot("check --keep", CLI_OK, "permanent");
	snprintf(command, sizeof(command),
		 "cd / && set -eu && GRUB_CMDLINE_LINUX='a=* nohz-full=1 rcu_nocbs' && "
		 "GRUB_CMDLINE_LINUX_DEFAULT='quiet  threadirqs nohz_full=7 nohz_fuller=1 e*' && "
		 ". %s" PIECE " && echo \"$GRUB_CMDLINE_LINUX|$GRUB_CMDLINE_LINUX_DEFAULT\"",
		 root);
	f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(pclose(f), 0);
	assert_string_equal(line, "a=*|quiet nohz_fuller=1 e* " NOHZ_WORDS "\n");
}

static void refused_parameters(void **state)
{
	(void)state;
	boot("stage", CLI_USAGE, "boot takes stage");
	boot("stage boot.nope=1", CLI_FINDINGS, "unknown parameter 'boot.nope'");
	boot("stage boot.threadirqs", CLI_FINDINGS, "'boot.threadirqs' is not NAME=VALUE");
	boot("stage vm.swappiness=10", CLI_FINDINGS, "is not of the kernel's command line");
	boot("stage boot.mitigations=off", CLI_REFUSED, "boot.mitigations is only reported");
	boot("stage boot.skew_tick=1 boot.skew_tick=0", CLI_FINDINGS, "stands there twice");
	boot("stage boot.skew_tick=2", CLI_FINDINGS, "expected 0 or 1");
	boot("stage boot.threadirqs=1", CLI_FINDINGS, "expected yes or no");
	boot("stage boot.preempt=rt", CLI_FINDINGS, "expected one of: none voluntary full lazy");
	boot("stage boot.irqaffinity=3-1", CLI_FINDINGS, "expected a list of CPUs");
	boot("stage boot.irqaffinity=(null)", CLI_FINDINGS, "letters, digits");
	boot("stage boot.irqaffinity=6-8", CLI_FINDINGS, "CPU 8 is not there; expected 0 to 7");
	boot("stage boot.hugepages=1048577", CLI_FINDINGS, "out of its range");
	boot("stage boot.nohz_full=2", CLI_FINDINGS,
	     "boot.nohz_full needs boot.rcu_nocbs, which is neither asked for nor there");
	tree_put(root, CMDLINE, PLAIN_LINE " nohz_full=2 rcu_nocbs=2\n");
	boot("stage boot.rcu_nocbs=", CLI_FINDINGS, "boot.nohz_full needs boot.rcu_nocbs");
	boot("stage boot.nohz_full=2", CLI_REFUSED, "the present boot has them already");
	tree_put(root, CMDLINE, PLAIN_LINE " hugepages=1 hugepages=2\n");
	boot("stage boot.hugepages=3", CLI_FINDINGS, "stands 2 times on the command line");
	clean();
	assert_false(is_there(root, JOURNAL));
}

/* Nothing is written, and the reason is told. */
static void refused_machine(const char *path, const char *text, int rc, const char *part)
{
	char before[4096], full[PATH_MAX];
	bool there = is_there(root, path);

	snprintf(before, sizeof(before), "%s", text_of(root, path));
	snprintf(full, sizeof(full), "%s%s", root, path);
	if (text)
		tree_put(root, path, text);
	else
		unlink(full);
	boot("stage boot.threadirqs=yes", rc, part);
	assert_false(is_there(root, JOURNAL));
	if (strcmp(path, GRUBENV))
		has_not(GRUBENV, "homeostat");
	if (strcmp(path, CUSTOM))
		assert_string_equal(text_of(root, CUSTOM), OTHERS_CUSTOM);
	unlink(full);
	if (there)
		tree_put(root, path, before);
}

/* grub.cfg with one part of it replaced. */
static void refused_cfg(const char *part, const char *with, int rc, const char *why)
{
	const char *at = strstr(debian_cfg, part);
	char cfg[8192];

	assert_non_null(at);
	snprintf(cfg, sizeof(cfg), "%.*s%s%s", (int)(at - debian_cfg), debian_cfg, with,
		 at + strlen(part));
	refused_machine(GRUB_CFG, cfg, rc, why);
	tree_put(root, GRUB_CFG, debian_cfg);
}

static void refused_machines(void **state)
{
	(void)state;
	refused_machine(GRUB_CFG, NULL, CLI_REFUSED, "none that is known");
	tree_put(root, GRUB_CFG, debian_cfg);
	tree_put(root, "/boot/loader/loader.conf", "");
	refused_machine(GRUB_CFG, NULL, CLI_REFUSED, "systemd-boot; supported is GRUB 2");
	tree_put(root, GRUB_CFG, debian_cfg);
	refused_cfg("save_env next_entry", "true", CLI_REFUSED, "does not take next_entry");
	refused_machine(GRUB_CFG, "set default=\"${next_entry}\"\nsave_env next_entry\n",
			CLI_REFUSED, "does not read custom.cfg");
	tree_put(root, GRUB_CFG, debian_cfg);
	refused_cfg("menuentry 'Debian GNU/Linux' ", "menuentry 'a'\n", CLI_FINDINGS,
		    "does not open on its first line");
	refused_cfg("\tload_video\n", "\tif true; then {\n", CLI_FINDINGS, "another block in it");
	refused_cfg("\tload_video\n", "\tload_video \\\n", CLI_FINDINGS, "a line that goes on");
	refused_machine(GRUB_CFG,
			"set default=\"${next_entry}\"\nsave_env next_entry\n. /custom.cfg\n"
			"menuentry 'a' {\n linux /a\n",
			CLI_FINDINGS, "without an end");
	tree_put(root, GRUB_CFG, debian_cfg);
	refused_machine(CMDLINE, "BOOT_IMAGE=/boot/vmlinuz-6.1 ro\n", CLI_FAILED,
			"no menu entry for /boot/vmlinuz-6.1");
	refused_machine(CMDLINE, "root=/dev/sda1 ro\n", CLI_FAILED, "BOOT_IMAGE");
	refused_machine(CMDLINE, "BOOT_IMAGE=vmlinuz$x ro\n", CLI_FINDINGS, "BOOT_IMAGE");
	refused_machine(CMDLINE, PLAIN_LINE " dyndbg=\"file x +p\"\n", CLI_FINDINGS,
			"character 0x22");
	refused_machine(CMDLINE, PLAIN_LINE " -- single\n", CLI_FINDINGS, "words for init");
}

static void refused_files(void **state)
{
	char full[PATH_MAX], line[4096], env[1025];
	int fd;

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, PLAIN_LINE " ", strlen(PLAIN_LINE " "));
	line[2040] = '\0';
	refused_machine(CMDLINE, line, CLI_FINDINGS, "too long");
	line[2040] = 'x';
	line[2060] = '\0';
	refused_machine(CMDLINE, line, CLI_FINDINGS, "/proc/cmdline: ");
	refused_machine(CMDLINE, NULL, CLI_FAILED, "/proc/cmdline: No such file");
	refused_machine(BOOT_ID, "not-an-id\n", CLI_FINDINGS, "boot_id: Invalid");
	refused_machine(GRUBENV, NULL, CLI_FAILED, "grubenv: No such file");
	refused_machine(GRUBENV, "# GRUB Environment Block\n####", CLI_FINDINGS, "expected 1024");
	memset(env, '#', 1024);
	env[1024] = '\0';
	memcpy(env, "# GRUB Environment Block\nnext_entry=memtest\n", 44);
	refused_machine(GRUBENV, env, CLI_REFUSED, "next_entry is 'memtest': somebody else");
	memset(env + 25, 'x', 985);
	env[30] = '=';
	env[1009] = '\n';
	refused_machine(GRUBENV, env, CLI_FAILED, "is full: 14 bytes are left, 26 are needed");
	put_grubenv(root, OTHERS_ENV);
	refused_machine(CUSTOM, "### END homeostat ###\n", CLI_FINDINGS, "take them out by hand");
	tree_put(root, CUSTOM, OTHERS_CUSTOM);
	refused_machine("/proc/self/mounts",
			"/dev/sda1 / ext4 rw 0 0\n/dev/sda2 /boot btrfs rw 0 0\n", CLI_REFUSED,
			"/boot/grub is on /dev/sda2 (btrfs), where GRUB cannot write");
	refused_machine("/proc/self/mounts", "/dev/mapper/vg-root / ext4 rw 0 0\n", CLI_REFUSED,
			"is on /dev/mapper/vg-root");
	/* a link in the place of custom.cfg; a state directory that others may write; somebody else at it */
	snprintf(full, sizeof(full), "%s" CUSTOM, root);
	unlink(full);
	assert_int_equal(symlink("/etc/passwd", full), 0);
	boot("stage boot.threadirqs=yes", CLI_FAILED, "custom.cfg: is no plain file");
	unlink(full);
	snprintf(full, sizeof(full), "%s/var/lib/homeostat", root);
	assert_int_equal(chmod(full, 0777), 0);
	boot("stage boot.threadirqs=yes", CLI_REFUSED, "others may write to it");
	assert_int_equal(chmod(full, 0700), 0);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	boot("stage boot.threadirqs=yes", CLI_REFUSED, "another homeostat boot is at work");
	boot("show", CLI_OK, "nothing is under way");
	close(fd);
	assert_false(is_there(root, JOURNAL));
}

static void refused_keep(void **state)
{
	char full[PATH_MAX];

	(void)state;
	boot("stage " NOHZ, CLI_OK, "");
	grub_boots(root, true, PLAIN_LINE "\n", 2);
	boot("check", CLI_OK, "good");
	tree_put(root, PIECE, "GRUB_TIMEOUT=1\n");
	boot("keep", CLI_REFUSED, "is somebody else's");
	boot("revert", CLI_REFUSED, "a trial is not at its end");
	boot("cancel", CLI_OK, "");
	boot("revert", CLI_REFUSED, "is somebody else's");
	assert_string_equal(text_of(root, PIECE), "GRUB_TIMEOUT=1\n");
	snprintf(full, sizeof(full), "%s" PIECE, root);
	unlink(full);
	tree_put(root, CMDLINE, PLAIN_LINE "\n");
	boot("stage " NOHZ, CLI_OK, "");
	grub_boots(root, true, PLAIN_LINE "\n", 3);
	snprintf(full, sizeof(full), "%s/etc/default/grub", root);
	unlink(full);
	boot("check --keep", CLI_REFUSED, "no /etc/default/grub");
	boot("check", CLI_OK, "good");
	boot("show --keep", CLI_USAGE, "--keep is for boot check");
	boot("nonsense", CLI_USAGE, "boot takes stage");
}

/* The running kernel is the older one: another entry, in the submenu, without an initrd. */
static void another_kernel(void **state)
{
	(void)state;
	tree_put(root, CMDLINE, "BOOT_IMAGE=(hd0,gpt2)" OLD_KERNEL " " ARGS "\n");
	boot("stage boot.threadirqs=yes", CLI_OK, OLD_KERNEL);
	has(CUSTOM, "linux " OLD_KERNEL " 'root=");
	has_not(CUSTOM, "initrd");
	has_not(CUSTOM, "--unrestricted");
	boot("cancel", CLI_OK, "");
	/* in rescue: that one's entry, as its command line is the same */
	tree_put(root, CMDLINE, PLAIN_LINE " single\n");
	boot("stage boot.threadirqs=yes", CLI_OK, "");
	has(CUSTOM, "initrd-rescue");
	boot("cancel", CLI_OK, "");
	/* there is no custom.cfg: it is made, and goes again */
	tree_put(root, CUSTOM, "");
	boot("stage boot.threadirqs=no boot.skew_tick=1", CLI_OK, "");
	boot("cancel", CLI_OK, "");
	assert_false(is_there(root, CUSTOM));
	/* others' last line without an end stays a line of its own */
	tree_put(root, CUSTOM, "set x=1");
	boot("stage boot.threadirqs=yes", CLI_OK, "");
	has(CUSTOM, "set x=1\n### BEGIN homeostat");
	assert_true(grub_cfg_has(debian_cfg, KERNEL, NULL, 0));
	assert_false(grub_cfg_has(debian_cfg, "/boot/other", NULL, 0));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(stages),		TEST(good_kept_and_reverted), TEST(falls_back),
		TEST(cancelled),	TEST(told_by_show),	      TEST(parameters),
		TEST(piece_in_a_shell), TEST(refused_parameters),     TEST(refused_machines),
		TEST(refused_files),	TEST(refused_keep),	      TEST(another_kernel),
	};

	return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
