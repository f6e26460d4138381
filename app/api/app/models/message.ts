import { type InferSchemaType, type Types, model, Schema } from 'mongoose';

const schema = new Schema(
  {
    chatId: { type: Schema.Types.ObjectId, required: true },
    userId: { type: Schema.Types.ObjectId, required: true },
    seq: { type: Number, required: true },
    role: { type: String, enum: ['student', 'tutor'], required: true },
    text: { type: String, default: '' },
    /** pending: the answer is being written, or its process died and the next reader restarts it. */
    status: { type: String, enum: ['pending', 'complete'], required: true },
    /** Tutor messages: the planned answer, without its text. See tutor/types.ts. */
    plan: { type: Schema.Types.Mixed, default: null },
  },
  { timestamps: true, versionKey: false },
);
schema.index({ chatId: 1, seq: 1 }, { unique: true });

export type MessageRecord = InferSchemaType<typeof schema> & { _id: Types.ObjectId };
export const Message = model('Message', schema);
