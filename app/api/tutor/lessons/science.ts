import type { Lesson } from '../types.ts';

export const science: Lesson[] = [
  {
    id: 'photosynthesis',
    subject: 'Science',
    language: 'en',
    title: 'Photosynthesis',
    keywords: ['photosynthesis', 'plants', 'chlorophyll', 'leaf', 'leaves', 'sunlight', 'glucose', 'oxygen', 'carbon dioxide'],
    ask: 'What is photosynthesis?',
    hint: 'A plant never eats, yet it grows. What three things does it take in from around it?',
    sentences: [
      'Photosynthesis is the way in which green plants make their own food with the energy of sunlight.',
      'The plant takes in water through its roots and carbon dioxide through tiny openings in its leaves.',
      'Chlorophyll, the green substance in the leaves, catches the light.',
      'With that energy the plant turns water and carbon dioxide into glucose, a sugar, and oxygen.',
      'The glucose feeds the plant, and the oxygen goes out into the air that we breathe.',
    ],
    example: {
      problem: 'Why does a plant in a dark cupboard turn pale and weak?',
      steps: [
        'Without light the chlorophyll has no energy to catch.',
        'So the plant cannot make glucose from water and carbon dioxide.',
        'It lives on what it has stored, and when that is used up it weakens.',
      ],
    },
    followUps: [
      'What do you think a plant takes from the soil, from the air and from the sun?',
      'Which of the two products does the plant keep, and which does it let go?',
      'What would happen to the oxygen in a sealed jar with a plant in bright light?',
    ],
  },
  {
    id: 'water-cycle',
    subject: 'Science',
    language: 'en',
    title: 'The water cycle',
    keywords: ['water cycle', 'evaporation', 'condensation', 'precipitation', 'rain', 'cloud', 'clouds', 'vapour', 'vapor'],
    ask: 'How does the water cycle work?',
    hint: 'Think of a puddle that disappears on a hot day. Where did the water go, and how could it come back?',
    sentences: [
      'The water cycle is the journey of water between the ground, the sea and the sky.',
      'In evaporation the sun warms water until it rises into the air as vapour.',
      'In condensation the vapour cools high above and turns into tiny drops that form clouds.',
      'In precipitation the drops grow heavy and fall as rain, hail or snow.',
      'The water then runs into rivers, seeps into the ground or returns to the sea, and the cycle begins again.',
    ],
    example: {
      problem: 'Why is the outside of a cold glass wet?',
      steps: [
        'The air around the glass holds water vapour.',
        'The cold glass cools that vapour.',
        'The vapour condenses into drops, just as it does in a cloud.',
      ],
    },
    followUps: [
      'Which step of the cycle would dry your clothes on a line?',
      'Can you put evaporation, precipitation and condensation in order?',
      'Where in your own day do you see condensation?',
    ],
  },
  {
    id: 'newtons-laws',
    subject: 'Science',
    language: 'en',
    title: "Newton's laws of motion",
    keywords: ['newton', 'force', 'forces', 'motion', 'inertia', 'acceleration', 'mass', 'action', 'reaction', 'law of motion'],
    ask: "What are Newton's laws of motion?",
    hint: 'When a jeepney stops suddenly you lean forward. Did something push you, or did something keep you going?',
    sentences: [
      "Newton's first law says that an object stays at rest or keeps moving in a straight line unless a force changes that.",
      'This tendency to keep doing the same is called inertia.',
      "Newton's second law says that force equals mass times acceleration: F = m × a.",
      'The same force accelerates a light object more than a heavy one.',
      "Newton's third law says that every action has an equal and opposite reaction.",
    ],
    example: {
      problem: 'What force gives a 4 kg box an acceleration of 3 m/s²?',
      steps: ['Use the second law: F = m × a.', 'F = 4 kg × 3 m/s².', 'F = 12 newtons.'],
    },
    followUps: [
      'Which of the forces in your situation are not balanced?',
      'Do you know the mass, the acceleration or the force, and which is missing?',
      'When you push a wall, what pushes you back, and how hard?',
    ],
  },
  {
    id: 'cells',
    subject: 'Science',
    language: 'en',
    title: 'Plant and animal cells',
    keywords: ['cell', 'cells', 'nucleus', 'membrane', 'cell wall', 'organelle', 'mitochondria', 'chloroplast', 'cytoplasm'],
    ask: 'What is inside a cell?',
    hint: 'Think of a cell as a small town. Which part would be the town hall, and which the power station?',
    sentences: [
      'A cell is the smallest living unit, and every living thing is made of one or more cells.',
      'The nucleus holds the DNA and directs what the cell does.',
      'The cell membrane decides what may enter and leave.',
      'Mitochondria release energy from food for the work of the cell.',
      'Plant cells also have a stiff cell wall, and chloroplasts in which photosynthesis takes place.',
    ],
    example: {
      problem: 'Under the microscope you see a nucleus, a cell wall and green dots. Plant or animal?',
      steps: [
        'Both kinds of cells have a nucleus, so it does not decide.',
        'Only the plant cell has a cell wall.',
        'The green dots are chloroplasts, so it is a plant cell.',
      ],
    },
    followUps: [
      'Which part do you think controls the others?',
      'Which two parts would you look for to recognise a plant cell?',
      'Why would a muscle cell need many mitochondria?',
    ],
  },
];
