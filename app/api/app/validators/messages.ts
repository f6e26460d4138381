import { SimpleMessagesProvider } from '@vinejs/vine';

/** What a student reads beside a field. */
export const messages = new SimpleMessagesProvider({
  required: 'Please fill this in.',
  string: 'This has to be text.',
  email: 'This is not an e-mail address.',
  minLength: 'Use at least {{ min }} characters.',
  maxLength: 'Use at most {{ max }} characters.',
  'name.regex': 'Use letters, numbers, spaces, dots, hyphens and apostrophes.',
  'question.minLength': 'Please type a question.',
});
