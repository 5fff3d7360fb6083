// SPDX-License-Identifier: GPL-2.0-only
/* Copyright (C) 2026 homeostat contributors */
/* The schema of a profile. */
#include "profile_file.h"

#include "profile.h"

#define OPTIONAL YAML_OPTIONAL
#define TEXT YAML_TEXT
#define MUST YAML_MUST
#define MAY YAML_MAY

static const cyaml_schema_field_t pulse_fields[] = {
	MAY(struct pulse_text, min),
	MAY(struct pulse_text, max),
	MAY(struct pulse_text, window),
	MAY(struct pulse_text, stress_wait),
	MAY(struct pulse_text, stress_switches),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t heartbeat_fields[] = {
	MUST(struct heartbeat_text, limit),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t freeze_fields[] = {
	MUST(struct freeze_text, turns),
	MUST(struct freeze_text, window),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t weights_fields[] = {
	MUST(struct weights_text, loss),
	MUST(struct weights_text, jitter),
	MUST(struct weights_text, work),
	MUST(struct weights_text, energy),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t knob_fields[] = {
	MUST(struct knob_text, name),
	MUST(struct knob_text, value),
	MAY(struct knob_text, min),
	MAY(struct knob_text, max),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t rule_fields[] = {
	MUST(struct rule_text, when),	 MUST(struct rule_text, low),
	MUST(struct rule_text, high),	 MUST(struct rule_text, knob),
	MUST(struct rule_text, kind),	 MUST(struct rule_text, up),
	MUST(struct rule_text, down),	 MAY(struct rule_text, hold),
	MAY(struct rule_text, cooldown), CYAML_FIELD_END,
};

static const cyaml_schema_field_t limit_fields[] = {
	MUST(struct limit_text, vital),
	MUST(struct limit_text, max),
	MAY(struct limit_text, windows),
	MAY(struct limit_text, times),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t slo_fields[] = {
	MAY(struct slo_text, vital),
	MAY(struct slo_text, report),
	MUST(struct slo_text, max),
	TEXT("for", struct slo_text, lasting, CYAML_FLAG_OPTIONAL),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t helping_fields[] = {
	MUST(struct helping_text, margin),
	MAY(struct helping_text, floor),
	TEXT("for", struct helping_text, lasting, CYAML_FLAG_OPTIONAL),
	MAY(struct helping_text, observe),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t trip_fields[] = {
	MAY(struct trip_text, rearm),
	MAY(struct trip_text, rearm_max),
	MAY(struct trip_text, trips),
	MAY(struct trip_text, window),
	MAY(struct trip_text, hook),
	MAY(struct trip_text, hook_limit),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t changes_fields[] = {
	MAY(struct changes_text, risk),
	MAY(struct changes_text, allow),
	MAY(struct changes_text, advisers),
	MAY(struct changes_text, maintenance),
	MAY(struct changes_text, idle),
	MAY(struct changes_text, expire),
	MAY(struct changes_text, confirm),
	MAY(struct changes_text, time_zone),
	MAY(struct changes_text, notice),
	MAY(struct changes_text, observe),
	MAY(struct changes_text, before),
	MAY(struct changes_text, after),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t shift_fields[] = {
	MUST(struct shift_text, when),
	MUST(struct shift_text, profile),
	MAY(struct shift_text, time_zone),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t match_fields[] = {
	MAY(struct match_text, cgroup),
	MAY(struct match_text, comm),
	MAY(struct match_text, pid),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t workload_fields[] = {
	MUST(struct workload_text, name),
	MUST(struct workload_text, class),
	CYAML_FIELD_MAPPING_PTR("match", CYAML_FLAG_POINTER, struct workload_text, match,
				match_fields),
	MAY(struct workload_text, period),
	MAY(struct workload_text, deadline),
	MAY(struct workload_text, runtime),
	MAY(struct workload_text, cpus),
	MAY(struct workload_text, isolation),
	MAY(struct workload_text, criticality),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t steer_fields[] = {
	MUST(struct steer_text, cpus),
	CYAML_FIELD_END,
};
static const cyaml_schema_field_t interface_fields[] = {
	MUST(struct interface_text, name),
	MAY(struct interface_text, xdp),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t flow_fields[] = {
	MUST(struct flow_text, name),	  MUST(struct flow_text, class),
	MAY(struct flow_text, protocol),  MAY(struct flow_text, port),
	MAY(struct flow_text, peer_port), MAY(struct flow_text, peer),
	MAY(struct flow_text, dscp),	  MAY(struct flow_text, mark),
	MAY(struct flow_text, tcp),	  CYAML_FIELD_END,
};

static const cyaml_schema_field_t advice_when_fields[] = {
	MUST(struct advice_when_text, vital),
	MAY(struct advice_when_text, above),
	MAY(struct advice_when_text, below),
	TEXT("for", struct advice_when_text, lasting, CYAML_FLAG_OPTIONAL),
	MAY(struct advice_when_text, load),
	MAY(struct advice_when_text, ahead),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t advice_propose_fields[] = {
	MUST(struct advice_propose_text, parameter),
	MAY(struct advice_propose_text, times),
	MAY(struct advice_propose_text, add),
	MAY(struct advice_propose_text, value),
	MAY(struct advice_propose_text, to),
	MAY(struct advice_propose_text, most),
	MAY(struct advice_propose_text, least),
	MAY(struct advice_propose_text, without),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t advice_back_fields[] = {
	MAY(struct advice_back_text, vital),
	MAY(struct advice_back_text, above),
	MAY(struct advice_back_text, below),
	TEXT("for", struct advice_back_text, lasting, CYAML_FLAG_OPTIONAL),
	MAY(struct advice_back_text, load),
	MAY(struct advice_back_text, steps),
	CYAML_FIELD_END,
};

static const cyaml_schema_field_t advice_fields[] = {
	MUST(struct advice_text, name),
	CYAML_FIELD_MAPPING_PTR("when", CYAML_FLAG_POINTER, struct advice_text, when,
				advice_when_fields),
	CYAML_FIELD_MAPPING_PTR("propose", CYAML_FLAG_POINTER, struct advice_text, propose,
				advice_propose_fields),
	CYAML_FIELD_MAPPING_PTR("back", YAML_OPTIONAL, struct advice_text, back,
				advice_back_fields),
	MUST(struct advice_text, goal),
	MAY(struct advice_text, cooldown),
	MUST(struct advice_text, reason),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t advice_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct advice_text, advice_fields),
};
static const cyaml_schema_value_t shift_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct shift_text, shift_fields),
};
static const cyaml_schema_value_t knob_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct knob_text, knob_fields),
};
static const cyaml_schema_value_t rule_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct rule_text, rule_fields),
};
static const cyaml_schema_value_t limit_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct limit_text, limit_fields),
};
static const cyaml_schema_value_t slo_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct slo_text, slo_fields),
};
static const cyaml_schema_value_t interface_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct interface_text, interface_fields),
};
static const cyaml_schema_value_t flow_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct flow_text, flow_fields),
};
static const cyaml_schema_value_t workload_entry = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct workload_text, workload_fields),
};

static const cyaml_schema_field_t profile_fields[] = {
	MUST(struct profile_text, name),
	MAY(struct profile_text, description),
	MAY(struct profile_text, recognise),
	CYAML_FIELD_MAPPING_PTR("pulse", OPTIONAL, struct profile_text, pulse, pulse_fields),
	CYAML_FIELD_MAPPING_PTR("heartbeat", OPTIONAL, struct profile_text, heartbeat,
				heartbeat_fields),
	CYAML_FIELD_MAPPING_PTR("freeze", OPTIONAL, struct profile_text, freeze, freeze_fields),
	CYAML_FIELD_MAPPING_PTR("weights", OPTIONAL, struct profile_text, weights, weights_fields),
	CYAML_FIELD_SEQUENCE("knobs", OPTIONAL, struct profile_text, knobs, &knob_entry, 0,
			     HS_KNOB_NR),
	CYAML_FIELD_SEQUENCE("rules", OPTIONAL, struct profile_text, rules, &rule_entry, 0,
			     HS_RULES_MAX),
	CYAML_FIELD_SEQUENCE("limits", OPTIONAL, struct profile_text, limits, &limit_entry, 0,
			     HS_LIMITS_MAX),
	CYAML_FIELD_SEQUENCE("slo", OPTIONAL, struct profile_text, slo, &slo_entry, 0,
			     PROFILE_SLOS_MAX),
	CYAML_FIELD_MAPPING_PTR("helping", OPTIONAL, struct profile_text, helping, helping_fields),
	CYAML_FIELD_MAPPING_PTR("trip", OPTIONAL, struct profile_text, trip, trip_fields),
	CYAML_FIELD_MAPPING_PTR("changes", OPTIONAL, struct profile_text, changes, changes_fields),
	CYAML_FIELD_SEQUENCE("calendar", OPTIONAL, struct profile_text, calendar, &shift_entry, 0,
			     PROFILE_CALENDAR_MAX),
	CYAML_FIELD_MAPPING_PTR("steer", OPTIONAL, struct profile_text, steer, steer_fields),
	CYAML_FIELD_SEQUENCE("interfaces", OPTIONAL, struct profile_text, interfaces,
			     &interface_entry, 0, PROFILE_INTERFACES_MAX),
	CYAML_FIELD_SEQUENCE("flows", OPTIONAL, struct profile_text, flows, &flow_entry, 0,
			     HS_FLOWS_MAX),
	CYAML_FIELD_SEQUENCE("workloads", OPTIONAL, struct profile_text, workloads, &workload_entry,
			     0, PROFILE_WORKLOADS_MAX),
	CYAML_FIELD_SEQUENCE("advice", OPTIONAL, struct profile_text, advice, &advice_entry, 0,
			     PROFILE_ADVICE_MAX),
	CYAML_FIELD_END,
};

static const cyaml_schema_value_t profile_schema = {
	CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct profile_text, profile_fields),
};

int profile_file_read(struct profile_file *file, const char *text, size_t len)
{
	int err;

	file->yaml.schema = &profile_schema;
	file->yaml.what = "profile";
	file->yaml.form = "homeostat-profile(5)";
	err = yaml_file_read(&file->yaml, text, len);
	file->text = file->yaml.data;
	return err;
}

void profile_file_free(struct profile_file *file)
{
	yaml_file_free(&file->yaml);
	file->text = NULL;
}
