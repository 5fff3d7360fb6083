// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
#include <locale.h>
#include <signal.h>

#include "cli.h"

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "");
	/* a daemon that closes is an error to report, not a reason to die of; `| head` still ends us */
	signal(SIGPIPE, SIG_DFL);
	return cli_main(argc, argv, stdout, stderr);
}
