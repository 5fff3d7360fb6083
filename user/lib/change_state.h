/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 homeostat contributors */
/* What a change of the machine may be in: the daemon's, and for whoever asks it. */
#ifndef HOMEOSTAT_CHANGE_STATE_H
#define HOMEOSTAT_CHANGE_STATE_H

#include <stdbool.h>

/* X(ID, name, meaning). Up to CONFIRM it is alive, from COMMITTED on it has ended. */
#define TX_STATES(X)                                                                               \
	X(PENDING, "pending", "waits for a person's approval")                                     \
	X(WAITING, "waiting", "waits for its time, or for another one that is under way")          \
	X(PREPARED, "prepared", "its hook before it is run, or a driver is at its first setting")  \
	X(CANARY, "canary", "one of its files is changed, and watched")                            \
	X(WATCHED, "watched", "all of its files are changed, and watched")                         \
	X(OBSERVED, "observed", "does no harm so far; under watch for longer, as of a window")     \
	X(CONFIRM, "confirm", "does no harm; goes back if nobody confirms it")                     \
	X(COMMITTED, "committed", "stays")                                                         \
	X(ROLLED_BACK, "rolled_back", "was made, and is back where it was")                        \
	X(REJECTED, "rejected", "a person did not want it")                                        \
	X(EXPIRED, "expired", "waited for too long")                                               \
	X(YIELDED, "yielded", "somebody else has written it since: left to him")                   \
	X(FAILED, "failed", "could not be made; nothing is changed")
enum tx_state {
#define X(id, ...) TX_##id,
	TX_STATES(X)
#undef X
	TX_STATE_NR
};
extern const struct tx_state_info {
	const char *name, *meaning;
} tx_states[TX_STATE_NR];

/* The state of a name, or -ENOENT. */
int tx_state_find(const char *name);

static inline bool tx_has_ended(enum tx_state state)
{
	return state >= TX_COMMITTED;
}

#endif
