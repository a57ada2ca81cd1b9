/*
 * queue_internal.h - the commands of this family, and the definition of a work queue for people and for
 * programs.
 */
#ifndef LOADER_CLI_QUEUE_QUEUE_INTERNAL_H
#define LOADER_CLI_QUEUE_QUEUE_INTERNAL_H

#include "loader/cli/frame/command.h"
#include "queue/queue_health.h"

#include <jansson.h>

/* A line for each field that is set. */
void queue_view_print(const struct work_queue *queue, const struct queue_health *health,
		      const struct work_queue_counts *counts);

/* The same as a document; the caller has the reference. */
json_t *queue_view_json(const struct work_queue *queue);

/* The same of a target. */
void target_view_print(const struct work_queue_target *target);
json_t *target_view_json(const struct work_queue_target *target);

/* Asks the server of a queue and prints what is found, with notes about other queues. Changes nothing. The
 * process can do less afterwards (mailbox_confine()): it is the last thing that it does. */
int queue_look(const struct invocation *invocation, const char *name, struct error *err);

/* The same for a queue that has just been defined: the error says that it is, and how to go on. */
int queue_look_first(const struct invocation *invocation, const char *name, struct error *err);

/* The commands; their words are in queue_table.c. */
int cmd_queue_create(const struct invocation *invocation, struct error *err);
int cmd_queue_alter(const struct invocation *invocation, struct error *err);
int cmd_queue_list(const struct invocation *invocation, struct error *err);
int cmd_queue_show(const struct invocation *invocation, struct error *err);
int cmd_queue_drop(const struct invocation *invocation, struct error *err);
int cmd_queue_pause(const struct invocation *invocation, struct error *err);
int cmd_queue_resume(const struct invocation *invocation, struct error *err);
int cmd_queue_check(const struct invocation *invocation, struct error *err);
int cmd_queue_dump(const struct invocation *invocation, struct error *err);
int cmd_queue_apply(const struct invocation *invocation, struct error *err);
int cmd_target_create(const struct invocation *invocation, struct error *err);
int cmd_target_alter(const struct invocation *invocation, struct error *err);
int cmd_target_list(const struct invocation *invocation, struct error *err);
int cmd_target_show(const struct invocation *invocation, struct error *err);
int cmd_target_drop(const struct invocation *invocation, struct error *err);
int cmd_doctor(const struct invocation *invocation, struct error *err);
int cmd_upgrade(const struct invocation *invocation, struct error *err);

#endif
