/* base/log.h - one logging interface: text for a terminal, JSON lines for a service.
 *
 * Each line carries time (with the date, but for text on a terminal), level, and the thread's context (an association
 * id such as "a42", or a job). Patient data (names, IDs, dates) belongs in DEBUG lines only. Control characters in
 * messages are written as \xNN.
 * Threads:  every function may be called from any thread; a line is one write. The context belongs to its thread.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"
#include <stdbool.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_TEXT, LOG_JSON };

void log_setup(enum log_level least, enum log_format format, int fd); /* default: INFO, TEXT, fd 2 */
int log_level_parse(const char *text, enum log_level *out);           /* 0 or -E_INVAL */
bool log_wants(enum log_level level);
void log_context(const char *id); /* copied (31 characters); NULL clears */

void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_debug(...) (log_wants(LOG_DEBUG) ? log_write(LOG_DEBUG, __VA_ARGS__) : (void)0)
#define log_info(...) log_write(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_write(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)

#endif
