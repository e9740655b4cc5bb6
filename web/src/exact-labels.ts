/** Cell types and perturbations as an atlas writes them, and the question that asks by them. */
export interface Labels {
  readonly cell_type: string;
  readonly perturbation: string;
}

export const questionAbout = ({ cell_type, perturbation }: Labels): string =>
  `How would ${cell_type} respond to ${perturbation}?`;
