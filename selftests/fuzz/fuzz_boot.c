// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * What `homeostat boot` reads: GRUB's environment block, grub.cfg, custom.cfg, the journal, the kernel's command line; by the first byte. What is
 * refused is refused with a reason; what is taken and written comes back as it was.
 */
#include "fuzz.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "boot_grubenv.h"
#include "boot_journal.h"

#define KERNEL "/boot/vmlinuz-6.12.57+deb13-amd64"

static const struct boot_parameter wanted[] = {
	{.name = "boot.nohz_full", .key = "nohz_full", .word = "nohz_full=2-3"},
	{.name = "boot.threadirqs", .key = "threadirqs"},
};

/* After each write of a plan GRUB still takes the block. */
static void follow(char block[GRUBENV_SIZE], const struct grubenv_plan *plan)
{
	char why[GRUBENV_WHY_LEN];

	promise(plan->nr <= 4);
	for (unsigned int i = 0; i < plan->nr; i++) {
		memcpy(block + plan->write[i].at, plan->write[i].bytes, GRUBENV_SECTOR);
		promise(!grubenv_check(block, GRUBENV_SIZE, why, sizeof(why)));
	}
}

static void environment(const char *text, size_t len)
{
	char block[GRUBENV_SIZE], why[GRUBENV_WHY_LEN] = "", value[64];
	struct grubenv_plan plan;
	int err;

	promise(len == GRUBENV_SIZE || grubenv_check(text, len, why, sizeof(why)));
	/* a short input is the variables of a block */
	memset(block, '#', sizeof(block));
	if (len == GRUBENV_SIZE) {
		memcpy(block, text, len);
	} else {
		memcpy(block, "# GRUB Environment Block\n", 25);
		memcpy(block + 25, text, len < 900 ? len : 900);
	}
	why[0] = '\0';
	if (grubenv_check(block, sizeof(block), why, sizeof(why))) {
		promise(why[0]);
		return;
	}
	err = grubenv_plan_set(block, &plan, why, sizeof(why));
	promise(!err || why[0]);
	if (err)
		return;
	follow(block, &plan);
	promise(!grubenv_get(block, "next_entry", value, sizeof(value)));
	promise(!strcmp(value, GRUB_ENTRY));
	grubenv_plan_clear(block, &plan);
	follow(block, &plan);
	promise(grubenv_get(block, "next_entry", value, sizeof(value)) == -ENOENT);
}

static void configuration(const char *text)
{
	static char entry_text[GRUB_ENTRY_MAX];
	char why[256] = "", line[BOOT_LINE_MAX], present[] = "root=/dev/sda1 ro";
	struct grub_entry entry;
	const char *begin;
	char *custom;
	size_t len;
	int err;

	promise(!grub_cfg_check(text, why, sizeof(why)) || why[0]);
	(void)grub_cfg_has(text, KERNEL, wanted, 2);
	why[0] = '\0';
	err = grub_entry_find(text, KERNEL, present, &entry, why, sizeof(why));
	promise(!err || why[0]);
	if (err)
		return;
	promise(entry.body >= text && entry.body + entry.len <= text + strlen(text));
	if (grub_trial_text(entry_text, &entry, "root=/dev/sda1 ro nohz_full=2-3", present))
		return;
	/* an entry with our marks in it is none that could be taken out again: it is refused then */
	if (grub_custom_find(entry_text, &begin, &len))
		return;
	promise(begin == entry_text && len == strlen(entry_text));
	promise(!grub_trial_line(begin, len, line));
	promise(!grub_custom_set("set x=1\n", entry_text, &custom));
	promise(!grub_custom_find(custom, &begin, &len) && begin == custom + 8);
	free(custom);
}

static void custom_file(const char *text)
{
	const char *begin;
	char *without, *same;
	size_t len;
	int err = grub_custom_find(text, &begin, &len);

	if (err == -EBADMSG) {
		promise(grub_custom_set(text, NULL, &without) == -EBADMSG);
		return;
	}
	promise(!grub_custom_set(text, NULL, &without));
	promise(strlen(without) + (err ? 0 : len) == strlen(text));
	promise(grub_custom_find(without, &begin, &len));
	free(without);
	if (!err || grub_custom_set(text, "", &same))
		return;
	promise(!strncmp(same, text, strlen(text)));
	free(same);
}

static void journal(const char *text, size_t len)
{
	struct boot_journal j, again;
	char why[256] = "", *out;
	int err = boot_journal_parse(&j, text, len, why, sizeof(why));

	promise(!err || why[0]);
	if (err)
		return;
	promise(j.trial_nr <= BOOT_PARAMETERS_MAX && j.permanent_nr <= BOOT_PARAMETERS_MAX);
	promise(!boot_journal_text(&j, &out));
	promise(!boot_journal_parse(&again, out, strlen(out), why, sizeof(why)));
	promise(!memcmp(&j, &again, sizeof(j)));
	free(out);
	(void)boot_merge(j.permanent, &j.permanent_nr, j.trial, j.trial_nr);
	promise(j.permanent_nr <= BOOT_PARAMETERS_MAX);
}

static void command_line(const char *text)
{
	char out[BOOT_LINE_MAX], kernel[GRUB_KERNEL_LEN], why[160] = "";

	promise(!boot_line_check(text, why, sizeof(why)) || why[0]);
	(void)grub_kernel(text, kernel);
	if (boot_line_change(out, text, wanted, 2))
		return;
	promise(boot_line_has(out, &wanted[0]) && boot_line_has(out, &wanted[1]));
	promise(!boot_line_find(out, "BOOT_IMAGE", kernel));
}

int FUZZ_TARGET(boot)(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return -1;
	text = malloc(size);
	promise(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	switch (data[0] % 5) {
	case 0:
		environment(text, size - 1);
		break;
	case 1:
		configuration(text);
		break;
	case 2:
		custom_file(text);
		break;
	case 3:
		journal(text, size - 1);
		break;
	default:
		command_line(text);
	}
	free(text);
	return 0;
}
