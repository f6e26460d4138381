import type { ReactNode } from 'react';

function icon(path: ReactNode) {
  return function Icon() {
    return (
      <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        {path}
      </svg>
    );
  };
}

export const MenuIcon = icon(<path d="M4 7h16M4 12h16M4 17h10" />);
export const PlusIcon = icon(<path d="M12 5v14M5 12h14" />);
export const SendIcon = icon(<path d="M12 19V5M6 11l6-6 6 6" />);
export const TrashIcon = icon(<path d="M4 7h16M9 7V4.5h6V7M6.5 7l.8 12.5h9.4L17.5 7M10 11v5M14 11v5" />);
export const CloseIcon = icon(<path d="M6 6l12 12M18 6L6 18" />);
export const LogoutIcon = icon(<path d="M14 5H5v14h9M10 12h10M17 8.5l3.5 3.5-3.5 3.5" />);
export const SystemIcon = icon(<path d="M4 5h16v11H4zM9 20h6M12 16v4" />);
export const SunIcon = icon(
  <path d="M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zM12 3v1.5M12 19.5V21M3 12h1.5M19.5 12H21M5.6 5.6l1.1 1.1M17.3 17.3l1.1 1.1M18.4 5.6l-1.1 1.1M6.7 17.3l-1.1 1.1" />,
);
export const MoonIcon = icon(<path d="M19.5 14.2A8 8 0 0 1 9.8 4.5a8 8 0 1 0 9.7 9.7z" />);
export const EyeIcon = icon(
  <path d="M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6z" />,
);

/** The mark: a rounded B with a spark. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <rect className="mark-ground" width="32" height="32" rx="9" />
      <path className="mark-letter" d="M9 8.5h8.2a4.6 4.6 0 0 1 2.7 8.3 4.9 4.9 0 0 1-2.4 9.2H9zM9 16.9h8.5" />
      <circle className="mark-spark" cx="24.5" cy="8.5" r="2.2" />
    </svg>
  );
}
