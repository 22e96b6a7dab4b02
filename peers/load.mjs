// Loads a package of this folder: a bare name is looked up from the file that imports it.

/** The module of that name. */
export const load = (name) => import(name);

/** The address of a file of a package. */
export const locate = (name) => import.meta.resolve(name);
