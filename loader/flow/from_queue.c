#include "loader/flow/from_queue.h"

static enum error_kind error_kind_from_queue(enum queue_status status)
{
	switch (status) {
	case QUEUE_MISSING:
	case QUEUE_EXISTS:
	case QUEUE_REFUSED:
		return ERROR_NO;
	case QUEUE_BUSY:
		return ERROR_TEMPORARY;
	case QUEUE_FULL:
	case QUEUE_READ_ONLY:
	case QUEUE_IO:
	case QUEUE_CORRUPT:
		return ERROR_IO;
	case QUEUE_FOREIGN:
	case QUEUE_NEWER:
	case QUEUE_INVALID:
		return ERROR_DATA;
	case QUEUE_OK:
	case QUEUE_SOFTWARE:
		break;
	}
	return ERROR_SOFTWARE;
}

void error_take_queue(struct error *err, const struct queue_error *queue_err)
{
	error_fill(err, error_kind_from_queue(queue_err->status), "%s", queue_err->text);
	err->outdated = queue_err->status == QUEUE_NEWER;
}
