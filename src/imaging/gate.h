/* imaging/gate.h - decoding takes memory and a processor: few do it at once, others wait. Of this room only.
 * Threads: any.
 */
#ifndef IMAGING_GATE_H
#define IMAGING_GATE_H

void gate_enter(void); /* waits while TRANSCODE_AT_ONCE are inside */
void gate_leave(void);
#endif
