import { model, Schema } from 'mongoose';

/** One counter of one fixed time window. */
const schema = new Schema(
  {
    _id: { type: String, required: true },
    count: { type: Number, required: true, default: 0 },
    expiresAt: { type: Date, required: true, index: true },
  },
  { versionKey: false },
);

export const Limit = model('Limit', schema);
