export { connectionInputs, type ConnectionRules } from './connection.ts';
export { furtherParts } from './further.ts';
export { identity, type Identity } from './identity.ts';
export { operate, type OutputName } from './operate.ts';
export { forceSchema } from './schema.ts';
export { Host, type OperationEnd, type OperationOptions, type OperationRequest } from './operation.ts';
export { planSummary, showPlan } from './plan.ts';
export { failureLine, isGood, previousRelease, runningRelease, summaryParts, type Report } from './report.ts';
