import { model, Schema } from 'mongoose';

/** One signed-in browser. `_id` is the SHA-256 of the cookie's token, so a leaked table opens no session. */
const schema = new Schema(
  {
    _id: { type: String, required: true },
    userId: { type: Schema.Types.ObjectId, required: true, index: true },
    expiresAt: { type: Date, required: true, index: true },
  },
  { timestamps: true, versionKey: false },
);

export const Session = model('Session', schema);
