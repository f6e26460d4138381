import { type InferSchemaType, type Types, model, Schema } from 'mongoose';

const schema = new Schema(
  {
    name: { type: String, required: true },
    /** Lower case; the only login name. */
    email: { type: String, required: true, unique: true },
    passwordHash: { type: String, required: true },
  },
  { timestamps: true, versionKey: false },
);

export type UserRecord = InferSchemaType<typeof schema> & { _id: Types.ObjectId };
export const User = model('User', schema);
