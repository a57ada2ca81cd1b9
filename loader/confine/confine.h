/*
 * confine.h - what a process takes away from itself before it reads what strangers have sent.
 *
 * Errors: -1 with errno. What the kernel does not have (Landlock before Linux 5.13, or switched off)
 *         is no error.
 */
#ifndef LOADER_CONFINE_CONFINE_H
#define LOADER_CONFINE_CONFINE_H

/* From here on this process opens no file, makes no connection, and sends no signal to a process
 * that is not its child; what is open stays open. */
int confine_to_descriptors(void);

#endif
