// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* Is homeostatd there, and does it talk to us. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "../lib/control.h"
#include "../lib/json.h"
#include "doctor.h"

/* A trip that it has not come back from by itself. */
static void ask_rearm(struct doctor *d, struct json_object *reply)
{
	struct json_object *rearm;

	if (!js_get_obj(reply, "rearm", &rearm))
		doctor_add(d, FINDING_WARN, "daemon", "homeostat incident shows why it tripped",
			   "%s", js_str(rearm, "why"));
}

/* The process that reads slow vital signs, which it cannot start again. */
static void ask_sensing(struct doctor *d, struct json_object *reply)
{
	struct json_object *sensing;

	if (!js_get_obj(reply, "sensing", &sensing) && *js_str(sensing, "why"))
		doctor_add(d, FINDING_WARN, "sensors", "systemctl restart homeostatd", "%s",
			   js_str(sensing, "why"));
}

/* Asks a running daemon how it is. */
static void ask(struct doctor *d)
{
	struct json_object *request = control_request("status"), *reply = NULL;
	struct control *control = NULL;
	int err;

	err = request ? control_open(&control, d->socket) : -ENOMEM;
	if (!err)
		err = control_call(control, request, &reply);
	if (!err) {
		doctor_add(d, FINDING_OK, "daemon", NULL, "homeostatd %s, mode %s, %s",
			   js_str(reply, "version"), js_str(reply, "mode"),
			   js_bool(reply, "armed") ? "armed" : "not armed");
		ask_rearm(d, reply);
		ask_sensing(d, reply);
	} else if (err == -EACCES || err == -EPERM)
		doctor_add(d, FINDING_WARN, "daemon",
			   "join the group " CONTROL_GROUP " (adduser USER " CONTROL_GROUP
			   ") or ask as root",
			   "not allowed to talk to it");
	else if (err == -ETIMEDOUT)
		doctor_add(d, FINDING_WARN, "daemon",
			   "homeostat trip (as root) shuts the gate without it; then restart "
			   "homeostatd",
			   "it accepts but does not answer");
	else
		doctor_add(d, FINDING_WARN, "daemon", "systemctl start homeostatd",
			   "not running: %s: %s", d->socket, strerror(-err));
	json_object_put(reply);
	json_object_put(request);
	control_close(control);
}

void probe_daemon(struct doctor *d)
{
	if (d->btf_path)
		return; /* the question was about a kernel */
	if (!doctor_exists(d, d->socket))
		doctor_add(d, FINDING_WARN, "daemon", "systemctl start homeostatd",
			   "not running (no %s)", d->socket);
	else if (*d->root)
		doctor_add(d, FINDING_OK, "daemon", NULL, "its socket is there");
	else
		ask(d);
}
