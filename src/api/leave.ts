export { leaveAtOnce } from '../linux/leave.ts';
