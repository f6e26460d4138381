import type { Lesson } from '../types.ts';

export const filipino: Lesson[] = [
  {
    id: 'pangngalan',
    subject: 'Filipino',
    language: 'fil',
    title: 'Pangngalan',
    keywords: ['pangngalan', 'pantangi', 'pambalana', 'ngalan', 'noun', 'tao', 'bagay', 'lugar', 'hayop'],
    ask: 'Ano ang pangngalan?',
    hint: 'Tumingin ka sa paligid mo. Ano ang tawag mo sa bawat tao, bagay at lugar na nakikita mo?',
    sentences: [
      'Ang pangngalan ay salitang tumutukoy sa ngalan ng tao, bagay, hayop, lugar o pangyayari.',
      'Ang pangngalang pantangi ay tiyak na ngalan at nagsisimula sa malaking titik, tulad ng Maynila at Jose Rizal.',
      'Ang pangngalang pambalana ay karaniwang ngalan, tulad ng lungsod at bayani.',
      'Ginagamit ang si at sina sa ngalan ng tao, at ang at ang mga sa iba pang pangngalan.',
    ],
    example: {
      problem: 'Hanapin ang mga pangngalan: Pumunta si Ana sa palengke.',
      steps: [
        'Si Ana ay tao, kaya ang Ana ay pangngalang pantangi.',
        'Ang palengke ay lugar na karaniwan ang tawag, kaya ito ay pambalana.',
        'Ang pumunta ay kilos, kaya hindi ito pangngalan.',
      ],
    },
    followUps: [
      'Alin sa mga salita sa pangungusap mo ang ngalan ng tao o lugar?',
      'Pantangi ba o pambalana ang mga nahanap mo?',
      'Makapagbibigay ka ba ng tigdalawang halimbawa ng pantangi at pambalana?',
    ],
  },
  {
    id: 'aspekto-ng-pandiwa',
    subject: 'Filipino',
    language: 'fil',
    title: 'Aspekto ng pandiwa',
    keywords: ['pandiwa', 'aspekto', 'aspeto', 'perpektibo', 'imperpektibo', 'kontemplatibo', 'kilos', 'naganap'],
    ask: 'Ano ang mga aspekto ng pandiwa?',
    hint: 'Itanong mo sa sarili: tapos na ba ang kilos, ginagawa pa, o gagawin pa lang?',
    sentences: [
      'Ang pandiwa ay salitang nagsasaad ng kilos o galaw.',
      'Ang aspekto ng pandiwa ay nagsasabi kung naganap na, nagaganap pa o magaganap pa lang ang kilos.',
      'Perpektibo ang aspekto kung tapos na ang kilos, tulad ng naglaro.',
      'Imperpektibo ang aspekto kung ginagawa pa o paulit-ulit ang kilos, tulad ng naglalaro.',
      'Kontemplatibo ang aspekto kung gagawin pa lang ang kilos, tulad ng maglalaro.',
    ],
    example: {
      problem: 'Ibigay ang tatlong aspekto ng salitang-ugat na basa.',
      steps: [
        'Perpektibo: nagbasa, dahil tapos na.',
        'Imperpektibo: nagbabasa, dahil ginagawa pa.',
        'Kontemplatibo: magbabasa, dahil gagawin pa lang.',
      ],
    },
    followUps: [
      'Kailan nangyayari ang kilos sa pangungusap mo?',
      'Aling pantig ang inuulit kapag ginagawa pa ang kilos?',
      'Ano ang tatlong aspekto ng salitang-ugat na luto?',
    ],
  },
  {
    id: 'pangungusap',
    subject: 'Filipino',
    language: 'fil',
    title: 'Simuno at panaguri',
    keywords: ['pangungusap', 'simuno', 'panaguri', 'paksa', 'bahagi ng pangungusap', 'karaniwan', 'di-karaniwan'],
    ask: 'Ano ang simuno at panaguri?',
    hint: 'Sino o ano ang pinag-uusapan sa pangungusap? At ano ang sinasabi tungkol dito?',
    sentences: [
      'Ang pangungusap ay lipon ng mga salita na may buong diwa.',
      'Ang simuno ay ang bahaging pinag-uusapan sa pangungusap.',
      'Ang panaguri ay nagsasabi ng tungkol sa simuno.',
      'Sa karaniwang ayos, nauuna ang panaguri sa simuno, at sa di-karaniwang ayos ay ginagamit ang ay.',
    ],
    example: {
      problem: 'Tukuyin ang simuno at panaguri: Masipag ang mag-aaral.',
      steps: [
        'Ang pinag-uusapan ay ang mag-aaral, kaya ito ang simuno.',
        'Masipag ang sinasabi tungkol sa mag-aaral, kaya ito ang panaguri.',
        'Nauna ang panaguri, kaya karaniwan ang ayos.',
      ],
    },
    followUps: [
      'Sino o ano ang pinag-uusapan sa pangungusap mo?',
      'Ano ang sinasabi tungkol sa simuno?',
      'Paano mo isusulat ang parehong pangungusap sa kabilang ayos?',
    ],
  },
];
