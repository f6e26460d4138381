import { type InferSchemaType, type Types, model, Schema } from 'mongoose';

const schema = new Schema(
  {
    userId: { type: Schema.Types.ObjectId, required: true },
    title: { type: String, required: true },
    activeAt: { type: Date, required: true },
    /** Number of messages so far; the next message takes it as its `seq`. */
    messageCount: { type: Number, required: true, default: 0 },
    /** Where the hint ladder of this chat stands. */
    lessonId: { type: String, default: null },
    level: { type: Number, default: 0 },
  },
  { timestamps: true, versionKey: false },
);
schema.index({ userId: 1, activeAt: -1 });

export type ChatRecord = InferSchemaType<typeof schema> & { _id: Types.ObjectId };
export const Chat = model('Chat', schema);
