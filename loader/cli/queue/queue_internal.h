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
int cmd_doctor(const struct invocation *invocation, struct error *err);

#endif
