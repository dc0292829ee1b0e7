import { uploadFlow } from './suite.ts'

uploadFlow('sha256')
