// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Only in the coverage build, linked with --wrap=_exit: a child that leaves without exit() counts, too. */
void __gcov_dump(void);
void __real__exit(int code) __attribute__((noreturn));
void __wrap__exit(int code) __attribute__((noreturn));

void __wrap__exit(int code)
{
	__gcov_dump();
	__real__exit(code);
}
