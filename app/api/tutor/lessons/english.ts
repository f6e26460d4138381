import type { Lesson } from '../types.ts';

export const english: Lesson[] = [
  {
    id: 'subject-verb-agreement',
    subject: 'English',
    language: 'en',
    title: 'Subject-verb agreement',
    keywords: ['subject', 'verb', 'agreement', 'singular', 'plural', 'grammar', 'is or are', 'has or have'],
    ask: 'What is subject-verb agreement?',
    hint: 'Find who or what the sentence is about. Is it one, or more than one?',
    sentences: [
      'Subject-verb agreement means that a verb has the same number as its subject.',
      'A singular subject takes a singular verb: the dog barks.',
      'A plural subject takes a plural verb: the dogs bark.',
      'Words between the subject and the verb do not change the agreement: the box of mangoes is heavy.',
      'Two subjects joined by "and" take a plural verb, but with "or" the verb follows the nearer subject.',
    ],
    example: {
      problem: 'Choose: The list of names (is / are) on the table.',
      steps: [
        'The sentence is about the list, not the names.',
        'List is singular.',
        'So: The list of names is on the table.',
      ],
    },
    followUps: [
      'Which word is the true subject of your sentence?',
      'Is that subject singular or plural, and which form of the verb fits?',
      'Which is right: neither the teacher nor the students (was / were) late?',
    ],
  },
  {
    id: 'figurative-language',
    subject: 'English',
    language: 'en',
    title: 'Simile and metaphor',
    keywords: ['simile', 'metaphor', 'figurative', 'figure of speech', 'comparison', 'personification', 'poem'],
    ask: 'What is the difference between a simile and a metaphor?',
    hint: 'Both compare two things. Look for a small word, "like" or "as". Is it there?',
    sentences: [
      'Figurative language says something in a fresh way by not meaning it word for word.',
      'A simile compares two things with "like" or "as": her smile is like the sun.',
      'A metaphor says that one thing is another: her smile is the sun.',
      'Personification gives human actions to things: the wind whispered.',
      'To understand a figure of speech, ask what the two things have in common.',
    ],
    example: {
      problem: 'Is "Time is a thief" a simile or a metaphor?',
      steps: [
        'Two things are compared: time and a thief.',
        'There is no "like" or "as".',
        'So it is a metaphor: both take something from us without being noticed.',
      ],
    },
    followUps: [
      'Which two things are compared in your sentence?',
      'How would you turn your simile into a metaphor?',
      'Can you write one simile and one metaphor about the sea?',
    ],
  },
  {
    id: 'paragraph',
    subject: 'English',
    language: 'en',
    title: 'Writing a good paragraph',
    keywords: ['paragraph', 'essay', 'topic sentence', 'writing', 'write', 'supporting details', 'conclusion'],
    ask: 'How do I write a good paragraph?',
    hint: 'If your reader remembers only one thing, what should it be? Write that as one sentence first.',
    sentences: [
      'A paragraph is a group of sentences about one main idea.',
      'The topic sentence tells the reader what the paragraph is about.',
      'Supporting sentences give reasons, facts or examples for the main idea.',
      'Linking words such as "first", "because" and "however" lead the reader from one sentence to the next.',
      'The closing sentence repeats the idea in new words or tells why it matters.',
    ],
    example: {
      problem: 'Plan a paragraph about why reading helps students.',
      steps: [
        'Topic sentence: Reading a little every day makes studying easier.',
        'Support: new words, longer attention, and ideas for writing, each with an example.',
        'Closing sentence: Ten pages a day are enough to begin.',
      ],
    },
    followUps: [
      'What is the one main idea of your paragraph?',
      'Which two facts or examples support it best?',
      'Which sentence of your paragraph could be left out, and why?',
    ],
  },
];
