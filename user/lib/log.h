/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/*
 * Log to stderr, one line a call; the journal's priority prefix (`<4>`) when JOURNAL_STREAM is set.
 * Never waits for the
 * reader (what finds no room is lost, and counted) and never allocates. Thread-safe (one write per line).
 */
#ifndef HOMEOSTAT_LOG_H
#define HOMEOSTAT_LOG_H

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Lines above this level are dropped. Start: INFO. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* `error`, `warn`, `info`, `debug`, or -EINVAL. */
int log_level_find(const char *name);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
