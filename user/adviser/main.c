// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/*
 * homeostat-adviser: command line and main loop. Unprivileged, and of no consequence if it dies: what it has proposed is the
 * daemon's to watch. Exit codes: 0 told to stop, or nothing to advise; 1 failed; 2 wrong usage, profile or knowledge base.
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "adviser.h"
#include "log.h"
#include "version.h"

#define PROFILE_FILE "/etc/homeostat/profiles/balanced.yaml"
#define ROUND_MS 1000
#define USAGE 2

static const char help[] =
	"Usage: homeostat-adviser [OPTION…]\n\n"
	"Proposes to homeostatd what the profile advises, from vital signs.\n\n"
	"  --profile FILE  whose advice (default " PROFILE_FILE ")\n"
	"  --kb FILE       knowledge base (default " KB_FILE ")\n"
	"  --socket PATH   control socket (default " CONTROL_SOCKET ")\n"
	"  --root DIR      reads present values in /proc and /sys below DIR\n"
	"  --dry-run       prints what it would propose, a JSON line each, and sends nothing\n"
	"  --once          looks once, prints what it would propose if all stayed so, and ends\n"
	"  -h, --help      this text\n"
	"  --version       its version\n";

struct options {
	const char *profile, *kb, *socket, *root;
	bool dry, once;
};

/* 0: go on; otherwise the exit code + 1. */
static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {{"profile", required_argument, NULL, 'p'},
					      {"kb", required_argument, NULL, 'k'},
					      {"socket", required_argument, NULL, 's'},
					      {"root", required_argument, NULL, 'r'},
					      {"dry-run", no_argument, NULL, 'd'},
					      {"once", no_argument, NULL, 'o'},
					      {"help", no_argument, NULL, 'h'},
					      {"version", no_argument, NULL, 'v'},
					      {0}};
	int c;

	while ((c = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (c) {
		case 'p':
			o->profile = optarg;
			break;
		case 'k':
			o->kb = optarg;
			break;
		case 's':
			o->socket = optarg;
			break;
		case 'r':
			o->root = optarg;
			break;
		case 'd':
			o->dry = true;
			break;
		case 'o':
			o->once = o->dry = true;
			break;
		case 'h':
			return (fputs(help, stdout) < 0) + 1;
		case 'v':
			return (printf("homeostat-adviser %s\n", HS_VERSION) < 0) + 1;
		default:
			fputs("try: homeostat-adviser --help\n", stderr);
			return USAGE + 1;
		}
	}
	if (optind == argc)
		return 0;
	fprintf(stderr, "homeostat-adviser: unknown argument '%s'\n", argv[optind]);
	return USAGE + 1;
}

static void tell(void *ctx, const char *text)
{
	(void)ctx;
	log_info("%s", text);
}

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (__u64)ts.tv_sec * 1000000000ULL + (__u64)ts.tv_nsec;
}

/* Until a signal says so. What cannot be asked now can be in a second. */
static int loop(struct adviser *a)
{
	struct pollfd pfd = {.events = POLLIN};
	sigset_t signals;
	int n;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (sigprocmask(SIG_BLOCK, &signals, NULL))
		return 1;
	pfd.fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (pfd.fd < 0) {
		log_error("signalfd: %s", strerror(errno));
		return 1;
	}
	do {
		adviser_step(a, now_ns());
		n = poll(&pfd, 1, ROUND_MS);
	} while (!n || (n < 0 && errno == EINTR));
	close(pfd.fd);
	return n < 0;
}

static int run(struct adviser *a, const struct options *o)
{
	int err;

	a->socket = o->socket;
	a->root = o->root;
	a->dry = o->dry ? stdout : NULL;
	a->rules.tell = tell;
	adviser_init(a);
	if (!o->once)
		return loop(a);
	err = adviser_once(a, now_ns());
	return err ? 1 : 0;
}

int main(int argc, char **argv)
{
	static struct adviser a;
	struct options o = {.profile = PROFILE_FILE, .kb = KB_FILE, .socket = CONTROL_SOCKET};
	int rc = read_options(argc, argv, &o), err;
	struct kb_machine machine;
	struct profile profile;
	char error[512] = "";
	struct kb kb = {0};

	if (rc)
		return rc - 1;
	err = kb_machine_read(&machine, o.root);
	if (err) {
		log_error("memory and CPUs below '%s' cannot be read: %s", o.root ? o.root : "/",
			  strerror(-err));
		return 1;
	}
	if (profile_load(&profile, o.profile, error, sizeof(error))) {
		log_error("%s", error);
		return USAGE;
	}
	rc = USAGE;
	if (kb_load(&kb, o.kb, error, sizeof(error)) ||
	    rules_init(&a.rules, &profile, &kb, &machine, error, sizeof(error))) {
		log_error("%s", error);
	} else if (!a.rules.nr) {
		log_info("profile %s gives no advice: nothing to do", profile.name);
		rc = 0;
	} else {
		log_info("profile %s, %u pieces of advice", profile.name, a.rules.nr);
		rc = run(&a, &o);
	}
	adviser_close(&a);
	rules_free(&a.rules);
	kb_free(&kb);
	profile_free(&profile);
	return rc;
}
