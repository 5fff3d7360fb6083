/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
#ifndef HOMEOSTAT_TRUST_H
#define HOMEOSTAT_TRUST_H

/*
 * May root run the program at `path`, though somebody else has named it? Absolute, a file, executable, and
 * nobody but root (or who runs us) can change it or put another one in its place. NULL, or why not.
 */
const char *untrusted_program(const char *path);

/* The same of a file that root is to believe: it need not be executable. */
const char *untrusted_file(const char *path);

#endif
