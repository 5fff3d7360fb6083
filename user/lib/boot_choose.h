/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What a person wants of boot parameters, against the knowledge base. */
#ifndef HOMEOSTAT_BOOT_CHOOSE_H
#define HOMEOSTAT_BOOT_CHOOSE_H

#include "boot_line.h"
#include "kb.h"

/*
 * "NAME=VALUE" each, into parameters in the knowledge base's order, of which the kernel's meaning may depend (hugepagesz before hugepages). Without a
 * VALUE, or a flag that is `no`: it is to be taken out. What one of them needs and is on the command line @line is taken along, so that it stays
 * behind it. 0, or with one clause in `why`: -EINVAL (unknown, not of the command line, twice, no value of it, needs what is not there,
 * conflicts), -ERANGE, -EPERM (is only reported), -E2BIG. Pure.
 */
int boot_choose(const struct kb *kb, const struct kb_machine *machine, const char *line,
		char *const *wanted, unsigned int wanted_nr, struct boot_parameter *p,
		unsigned int *nr, char *why, size_t size);

#endif
